"""Owners and moderators who decide at random, and what a room knows of their decisions."""

import random
from dataclasses import dataclass
from typing import Any

from domain.room import Room
from domain.room.governance.archiving import ArchiveRoom, ReopenRoom
from domain.room.governance.moderation import BanUser, LiftBan, LiftMute, MuteMember, RemoveMember
from domain.room.governance.roles import ROOM_ROLES, GiveRole
from domain.room.governance.topic import SetTopic
from domain.use_cases.governing import Governing, RoomDecision
from domain.values import RoomId, UserId

DECISIONS = ("role", "role", "remove", "ban", "lift ban", "mute", "lift mute", "topic", "archive", "reopen", "reopen")


async def decide(
    governing: Governing[Any], what: str, room_id: RoomId, user_id: UserId, member_id: UserId, chance: random.Random
) -> None:
    """One decision of `user_id`, who may not be allowed it: the refusal is raised."""
    await governing.decide(_request(what, room_id, user_id, member_id, chance))


def _request(what: str, room_id: RoomId, user_id: UserId, member_id: UserId, chance: random.Random) -> RoomDecision:
    why = f"because {chance.random()}"
    match what:
        case "role":
            return GiveRole(room_id, user_id, member_id, chance.choice(ROOM_ROLES), why)
        case "remove":
            return RemoveMember(room_id, user_id, member_id, why)
        case "ban":
            return BanUser(room_id, user_id, member_id, 60, why)
        case "lift ban":
            return LiftBan(room_id, user_id, member_id, why)
        case "mute":
            return MuteMember(room_id, user_id, member_id, 60, why)
        case "lift mute":
            return LiftMute(room_id, user_id, member_id, why)
        case "topic":
            return SetTopic(room_id, user_id, chance.choice(["", "steam", "looms"]))
        case "archive":
            return ArchiveRoom(room_id, user_id)
        case _:
            return ReopenRoom(room_id, user_id)


@dataclass(frozen=True)
class Governed:
    """What the decisions in a room come to."""

    roles: dict[UserId, str | None]
    muted: frozenset[UserId]
    banned: frozenset[UserId]
    topic_version: int
    is_archived: bool


def governed(room: Room) -> Governed:
    """As the aggregate has it."""
    roles: dict[UserId, str | None] = {user_id: room.role_of(user_id) for user_id in room.members}
    muted, banned = frozenset(room.muted_until), frozenset(room.banned_until)
    return Governed(roles, muted, banned, room.topic_version, room.is_archived)
