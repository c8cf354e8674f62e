"""Roles and mutes at a version of a room, as SQL. The same rules as in `domain.room.governance.roles`."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg
from msgspec import UNSET

from domain.room.state import RoomRole
from domain.values import RoomId, UserId
from eventstore.values import Version
from eventstore.words import join
from postgres.database import Database
from projections.readmodels.shapes import Muted, OwnStanding, Timestamp, timestamp


def is_member_at(version: str, stay: str = "memberships") -> str:
    """SQL: whether a row of `memberships` is the stay of a member right after `version` (an expression)."""
    return f"{stay}.joined_version <= {version} AND ({stay}.left_version IS NULL OR {stay}.left_version > {version})"


def role_of(stay: str, room: str, version: str) -> str:
    """SQL: the role of the member whose row of `memberships` is `stay`, right after `version` of `room`. All of these
    are expressions.
    """
    return f"""
CASE
    WHEN {_given(stay, room, version)} = 'owner' THEN 'owner'
    WHEN {stay}.joined_version = (
        SELECT min(first.joined_version) FROM memberships AS first
        WHERE first.room_id = {room} AND {is_member_at(version, "first")}
    ) AND NOT EXISTS (
        SELECT FROM memberships AS named
        WHERE named.room_id = {room} AND {is_member_at(version, "named")} AND named.user_id IN (
            SELECT owner.member_id FROM governance AS owner
            WHERE owner.room_id = {room} AND owner.aspect = 'role' AND owner.role = 'owner')
        AND {_given("named", room, version)} = 'owner'
    ) AND NOT EXISTS (
        SELECT FROM rooms AS unowned WHERE unowned.room_id = {room} AND unowned.visibility = 'direct'
    ) THEN 'owner'
    ELSE coalesce({_given(stay, room, version)}, 'member')
END"""


def _given(stay: str, room: str, version: str) -> str:
    """SQL: the role that the member was given last in this stay; null where none was."""
    return f"""(
    SELECT given.role FROM governance AS given
    WHERE given.room_id = {room} AND given.aspect = 'role' AND given.member_id = {stay}.user_id
        AND given.version > {stay}.joined_version AND given.version <= {version}
    ORDER BY given.version DESC LIMIT 1)"""


MOST_SHOWN = 500
"""Bans and mutes of a room that a page lists."""

OWN = f"""
SELECT
    {role_of("stay", "$1", "$2")} AS role,
    mute.version AS muted_at, mute.until, coalesce(said.content, mute.words, '') AS why
FROM memberships AS stay
LEFT JOIN LATERAL (
    SELECT room_id, version, is_set, until, words FROM governance
    WHERE room_id = $1 AND aspect = 'mute' AND member_id = $3 AND version <= $2 ORDER BY version DESC LIMIT 1
) AS mute ON mute.is_set AND mute.until > now()
{join("mute.room_id", "mute.version", "said")}
WHERE stay.room_id = $1 AND stay.user_id = $3 AND {is_member_at("$2", "stay")}
"""


OWNED = f"""
SELECT stay.room_id FROM memberships AS stay JOIN rooms ON rooms.room_id = stay.room_id AND rooms.member_count > 1
WHERE stay.user_id = $1 AND stay.left_version IS NULL AND {role_of("stay", "rooms.room_id", "rooms.version")} = 'owner'
ORDER BY stay.room_id
"""

IN_FORCE = f"""
SELECT newest.*, coalesce(said.content, newest.words, '') AS why
FROM (
    SELECT DISTINCT ON (aspect, member_id) room_id, version, aspect, member_id, decided_by, is_set, until, words
    FROM governance WHERE room_id = $1 AND aspect IN ('ban', 'mute') AND version <= $2
    ORDER BY aspect, member_id, version DESC
) AS newest
{join("newest.room_id", "newest.version", "said")}
WHERE newest.is_set AND newest.until > now() ORDER BY newest.until, newest.version LIMIT {MOST_SHOWN}
"""


@dataclass(frozen=True, slots=True)
class Penalty:
    """A ban or mute that has not ended: whose it is, who decided it, until when and why."""

    aspect: str
    member_id: UserId
    decided_by: UserId
    until: Timestamp
    why: str


class RoomRoles:
    """What a member may do in a room."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def own(self, user_id: UserId, room_id: RoomId, version: Version) -> OwnStanding:
        """The role of a user at a version, and until when and why they are muted; a stranger's is a member's."""
        rows = await self._database.fetch(OWN, room_id, version, user_id)
        return standing(rows[0]) if rows else OwnStanding("member")

    async def owned_by(self, user_id: UserId) -> list[RoomId]:
        """The rooms that a user owns now, and in which others are."""
        return [row["room_id"] for row in await self._database.fetch(OWNED, user_id)]

    async def in_force(self, room_id: RoomId, version: Version) -> list[Penalty]:
        """The bans and mutes at a version that have not ended, those that end first at the beginning."""
        rows = await self._database.fetch(IN_FORCE, room_id, version)
        return [
            Penalty(row["aspect"], row["member_id"], row["decided_by"], timestamp(row["until"]), row["why"])
            for row in rows
        ]


def standing(row: asyncpg.Record) -> OwnStanding:
    role: RoomRole = row["role"]
    until: datetime | None = row["until"]
    return OwnStanding(role, Muted(row["muted_at"], timestamp(until), row["why"]) if until is not None else UNSET)
