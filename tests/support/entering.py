"""How people enter rooms at random: for tests that let everything happen."""

import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from domain.room import Room
from domain.room.access import ChangeHistory, ChangeVisibility, History, Visibility
from domain.room.invitations import (
    DeclineInvitation,
    InviteUser,
    JoinByLink,
    MakeLink,
    RevokeLink,
    WithdrawInvitation,
)
from domain.room.opening import OpenDirect, OpenRoom
from domain.values import RoomId, UserId
from tests.support.store import Store

ENTRIES = [
    "visibility",
    "history",
    "invite",
    "withdraw",
    "decline",
    "link",
    "revoke",
    "join by link",
    "direct",
    "private",
]
"""What may be done."""

TOKENS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(3)]


@dataclass(frozen=True)
class Entry:
    """Who may enter a room, and what joiners read."""

    visibility: str
    open_from: int | None
    invited: frozenset[int]
    links: frozenset[tuple[int, int]]
    """Those that are not revoked: the version that made each, and how many uses are left."""


def entry_of(room: Room) -> Entry:
    links = frozenset((link["made_at"], link["uses_left"]) for link in room.links.values())
    return Entry(room.visibility, room.open_from, frozenset(room.invited), links)


async def folded_entry(store: Store, row: Any) -> Entry:
    """What the read models know of it, from a row of `rooms`. The last link with a token counts, as in the room."""
    room_id = row["room_id"]
    invited = await store.database.fetch(
        "SELECT user_id FROM room_invitations WHERE room_id = $1 AND ended_version IS NULL", room_id
    )
    used = await store.database.fetch("SELECT link FROM memberships WHERE room_id = $1 AND link IS NOT NULL", room_id)
    uses = Counter(each["link"] for each in used)
    made = await store.database.fetch(
        """
        SELECT DISTINCT ON (token_hash) made_version, max_uses, revoked_version FROM invitation_links
        WHERE room_id = $1 ORDER BY token_hash, made_version DESC
        """,
        room_id,
    )
    links = frozenset(
        (link["made_version"], link["max_uses"] - uses[link["made_version"]])
        for link in made
        if link["revoked_version"] is None
    )
    return Entry(row["visibility"], row["open_from"], frozenset(each["user_id"] for each in invited), links)


async def enter(
    store: Store, what: str, room_id: RoomId, user_id: UserId, people: Sequence[UserId], chance: random.Random
) -> RoomId | None:
    """Do it; returns the room that it opened, if so. Raises what the rules refuse."""
    admission, other = store.admission, chance.choice(people)
    match what:
        case "visibility":
            visibility: Visibility = chance.choice(("public", "private"))
            await admission.change_visibility(ChangeVisibility(room_id, user_id, visibility))
        case "history":
            history: History = chance.choice(("all", "since_joining"))
            await admission.change_history(ChangeHistory(room_id, user_id, history))
        case "invite":
            await admission.invite(InviteUser(room_id, user_id, other))
        case "withdraw":
            await admission.withdraw(WithdrawInvitation(room_id, user_id, other))
        case "decline":
            await admission.decline(DeclineInvitation(room_id, user_id))
        case "link":
            life, uses = timedelta(days=chance.randrange(1, 3)), chance.randrange(1, 4)
            await admission.make_link(MakeLink(room_id, user_id, chance.choice(TOKENS), life, uses))
        case "revoke":
            made = await store.database.fetch("SELECT made_version FROM invitation_links WHERE room_id = $1", room_id)
            await admission.revoke_link(
                RevokeLink(room_id, user_id, chance.choice(made)["made_version"] if made else 1)
            )
        case "join by link":
            await admission.join_by_link(JoinByLink(room_id, user_id, chance.choice(TOKENS)))
        case "direct":
            others = chance.sample(people, chance.randrange(1, 4))
            opened = await admission.open_direct(OpenDirect(user_id, tuple(others)))
            return RoomId(opened.event.originator_id)
        case "private":
            history = chance.choice(("all", "since_joining"))
            opened = await store.chat.open_room(OpenRoom("Ours", user_id, visibility="private", history=history))
            return RoomId(opened.event.originator_id)
    return None
