"""Rooms, memberships and messages, as pages and answers show them. Source: every Room event."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from domain.room import Room, name_key
from eventstore.log import Recorded

INSERT_ROOMS = """
INSERT INTO rooms (room_id, name, name_key, opened_at, version, position, bumped_at, member_count, message_count)
SELECT room_id, name, name_key, opened_at, 0, 0, opened_at, 0, 0
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) AS opened (room_id, name, name_key, opened_at)
"""

UPDATE_ROOMS = """
UPDATE rooms SET
    version = change.version,
    position = change.position,
    bumped_at = coalesce(change.bumped_at, rooms.bumped_at),
    last_message_version = coalesce(change.last_message_version, rooms.last_message_version),
    member_count = rooms.member_count + change.members,
    message_count = rooms.message_count + change.messages
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::bigint[], $6::integer[], $7::integer[])
    AS change (room_id, version, position, bumped_at, last_message_version, members, messages)
WHERE rooms.room_id = change.room_id
RETURNING rooms.room_id, rooms.member_count
"""

INSERT_MESSAGES = """
INSERT INTO messages (room_id, version, user_id, content, posted_at)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[])
"""

END_STAYS = """
UPDATE memberships SET left_version = ended.version, members_after_leave = ended.members
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::integer[]) AS ended (room_id, user_id, version, members)
WHERE memberships.room_id = ended.room_id AND memberships.user_id = ended.user_id AND left_version IS NULL
"""

INSERT_STAYS = """
INSERT INTO memberships (room_id, user_id, joined_version, members_after_join, left_version, members_after_leave)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::integer[], $5::bigint[], $6::integer[])
"""

TAKEN = "SELECT name_key FROM rooms WHERE name_key = ANY($1)"


@dataclass(slots=True)
class Change:
    """What a batch did to one room, as differences."""

    version: int = 0
    position: int = 0
    bumped_at: datetime | None = None
    last_message_version: int | None = None
    members: int = 0
    messages: int = 0


@dataclass(slots=True)
class Stay:
    """A membership that began in the batch; `members_…` count the room's members right after."""

    room_id: UUID
    user_id: int
    joined_version: int
    members_after_join: int
    left_version: int | None = None
    members_after_leave: int | None = None


@dataclass(slots=True)
class Stays:
    """The memberships that a batch began, and those from before it that it ended."""

    begun: list[Stay] = field(default_factory=list)
    ended: list[tuple[UUID, int, int, int]] = field(default_factory=list)
    _open: dict[tuple[UUID, int], Stay] = field(default_factory=dict)

    def begin(self, event: Room.UserJoined, members: int) -> None:
        stay = Stay(event.originator_id, event.user_id, event.originator_version, members)
        self.begun.append(stay)
        self._open[stay.room_id, stay.user_id] = stay

    def end(self, event: Room.UserLeft, members: int) -> None:
        stay = self._open.pop((event.originator_id, event.user_id), None)
        if stay is None:
            self.ended.append((event.originator_id, event.user_id, event.originator_version, members))
        else:
            stay.left_version, stay.members_after_leave = event.originator_version, members


class RoomsProjection:
    """Folds a whole batch at once: a handful of statements, however many events it holds."""

    name = "rooms"

    async def fold(self, batch: Sequence[Recorded[Room.Event]], connection: asyncpg.Connection) -> None:
        """Bring the read models up to the last position in `batch` (ascending), inside the caller's transaction."""
        if not batch:
            return
        await self._open_rooms([r.event for r in batch if isinstance(r.event, Room.RoomOpened)], connection)
        member_counts = await self._update_rooms(changes(batch), connection)
        await self._add_messages([r.event for r in batch if isinstance(r.event, Room.MessageAdded)], connection)
        moves = [r.event for r in batch if isinstance(r.event, Room.UserJoined | Room.UserLeft)]
        await self._keep_stays(moves, member_counts, connection)

    async def taken(self, values: Sequence[str], connection: asyncpg.Connection) -> set[str]:
        """Those of these name keys that a room has."""
        return {row[0] for row in await connection.fetch(TAKEN, list(values))}

    async def _open_rooms(self, events: Sequence[Room.RoomOpened], connection: asyncpg.Connection) -> None:
        if events:
            rows = [(e.originator_id, e.name, name_key(e.name), e.timestamp) for e in events]
            await connection.execute(INSERT_ROOMS, *columns(rows))

    async def _update_rooms(self, changed: dict[UUID, Change], connection: asyncpg.Connection) -> dict[UUID, int]:
        """Answers how many members each of these rooms has after the batch."""
        rows = [
            (room_id, c.version, c.position, c.bumped_at, c.last_message_version, c.members, c.messages)
            for room_id, c in sorted(changed.items())
        ]
        return dict(await connection.fetch(UPDATE_ROOMS, *columns(rows)))

    async def _add_messages(self, events: Sequence[Room.MessageAdded], connection: asyncpg.Connection) -> None:
        if events:
            rows = [(e.originator_id, e.originator_version, e.user_id, e.content, e.timestamp) for e in events]
            await connection.execute(INSERT_MESSAGES, *columns(rows))

    async def _keep_stays(
        self,
        moves: Sequence[Room.UserJoined | Room.UserLeft],
        member_counts: dict[UUID, int],
        connection: asyncpg.Connection,
    ) -> None:
        stays = Stays()
        for event, members in counted(moves, member_counts):
            if isinstance(event, Room.UserJoined):
                stays.begin(event, members)
            else:
                stays.end(event, members)
        if stays.ended:
            await connection.execute(END_STAYS, *columns(stays.ended))
        if stays.begun:
            rows = [
                (s.room_id, s.user_id, s.joined_version, s.members_after_join, s.left_version, s.members_after_leave)
                for s in stays.begun
            ]
            await connection.execute(INSERT_STAYS, *columns(rows))


def changes(batch: Iterable[Recorded[Room.Event]]) -> dict[UUID, Change]:
    """What the batch did to each of its rooms."""
    changed: dict[UUID, Change] = {}
    for recorded in batch:
        event = recorded.event
        change = changed.setdefault(event.originator_id, Change())
        change.version, change.position = event.originator_version, recorded.position
        match event:
            case Room.MessageAdded():
                change.messages += 1
                change.bumped_at, change.last_message_version = event.timestamp, event.originator_version
            case Room.UserJoined():
                change.members += 1
            case Room.UserLeft():
                change.members -= 1
    return changed


def counted(
    moves: Sequence[Room.UserJoined | Room.UserLeft], counts_after: dict[UUID, int]
) -> Iterator[tuple[Room.UserJoined | Room.UserLeft, int]]:
    """Each join and leave with the number of members right after it, given the numbers after all of them."""
    running = dict(counts_after)
    for event in moves:
        running[event.originator_id] -= 1 if isinstance(event, Room.UserJoined) else -1
    for event in moves:
        running[event.originator_id] += 1 if isinstance(event, Room.UserJoined) else -1
        yield event, running[event.originator_id]


def columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows as one list a column, for `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)]
