"""A crowd that comes into a room in which others talk, and leaves it again."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import asyncpg

from domain.errors import AlreadyAMember, NotAMember
from domain.room.membership import LeaveRoom
from domain.use_cases.chat import Chat
from domain.values import RoomId, UserId
from eventstore.errors import OutcomeUnknown
from eventstore.values import Position
from postgres.database import UNAVAILABLE
from postgres.errors import StoreUnavailable
from tests.support.conditions import eventually
from tests.support.realtime.server import SECRET
from tests.support.store import open_store

AT_ONCE = 1000
"""Who join in one command, and who leave at the same time."""

SIGN_UP = """
INSERT INTO users (username, username_key, password_hash)
SELECT 'crowd-' || number, 'crowd-' || number, '-' FROM generate_series(1, $1) AS number RETURNING user_id
"""
AWAY = (*UNAVAILABLE, StoreUnavailable, OutcomeUnknown)


async def sign_up_crowd(dsn: str, size: int) -> list[UserId]:
    """Accounts that nobody logs in to."""
    connection = await asyncpg.connect(dsn)
    try:
        return [UserId(row["user_id"]) for row in await connection.fetch(SIGN_UP, size)]
    finally:
        await connection.close()


Act = Callable[[Chat[Position], Sequence[UserId]], Awaitable[None]]


class Crowd:
    """Not a victim itself: everyone else would be, if they had to wait for it. It comes through its own process."""

    name = "crowd"

    def __init__(self, dsn: str, people: Sequence[UserId], room_id: str) -> None:
        self._dsn = dsn
        self._room_id = RoomId(UUID(room_id))
        self._groups = [people[start : start + AT_ONCE] for start in range(0, len(people), AT_ONCE)]

    async def kill(self) -> None:
        """All join."""
        await self._all(self._join)

    async def start(self) -> None:
        """All leave."""
        await self._all(self._leave)

    async def _all(self, act: Act) -> None:
        remaining = deque(self._groups)

        async def is_done() -> bool:
            with contextlib.suppress(*AWAY):
                async with open_store(self._dsn, secret=SECRET) as store:
                    while remaining:
                        await act(store.chat, remaining[0])
                        remaining.popleft()
                    return True
            return False

        await eventually(is_done, timeout_s=120)

    async def _join(self, chat: Chat[Position], group: Sequence[UserId]) -> None:
        with contextlib.suppress(AlreadyAMember):  # recorded, though the answer was lost; or a restore took leaves back
            await chat.join_all(self._room_id, group)

    async def _leave(self, chat: Chat[Position], group: Sequence[UserId]) -> None:
        await asyncio.gather(*(self._leave_alone(chat, user_id) for user_id in group))

    async def _leave_alone(self, chat: Chat[Position], user_id: UserId) -> None:
        with contextlib.suppress(NotAMember):  # likewise
            await chat.leave_room(LeaveRoom(self._room_id, user_id))
