"""Names other owners for rooms whose only owner can act no more."""

from contextlib import suppress

from api.core import Core
from domain.errors import SameRole
from domain.values import UserId


async def name_successors(user_id: UserId, core: Core, *, why: str) -> None:
    """Make another member the owner where this user is the only one: an event of each room, by an operator."""
    for room_id in await core.room_roles.owned_by(user_id):
        with suppress(SameRole):  # there are other owners, or none is needed
            await core.governing.succeed(room_id, user_id, why=why)
