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

# One statement for what most batches are: the writer holds the append lock meanwhile, and a round trip costs everybody.
ADD_MESSAGES_AND_UPDATE_ROOMS = """
WITH added AS (
    INSERT INTO messages (room_id, version, user_id, content, posted_at)
    SELECT * FROM unnest($8::uuid[], $9::bigint[], $10::bigint[], $11::text[], $12::timestamptz[])
)
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

END_STAYS = """
UPDATE memberships SET
    left_version = ended.version, left_position = ended.position, members_after_leave = ended.members
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::integer[])
    AS ended (room_id, user_id, version, position, members)
WHERE memberships.room_id = ended.room_id AND memberships.user_id = ended.user_id AND left_version IS NULL
"""

INSERT_STAYS = """
INSERT INTO memberships (
    room_id, user_id, joined_version, joined_position, members_after_join,
    left_version, left_position, members_after_leave)
SELECT * FROM unnest(
    $1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::integer[], $6::bigint[], $7::bigint[], $8::integer[])
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


@dataclass(frozen=True, slots=True)
class Move:
    """A join or a leave, with the number of the room's members right after it."""

    event: Room.UserJoined | Room.UserLeft
    position: int
    members: int


@dataclass(slots=True)
class Stays:
    """The memberships that a batch began, some of them ended as well, and those from before it that it ended."""

    begun: dict[tuple[UUID, int, int], tuple[Move, Move | None]] = field(default_factory=dict)
    ended: list[Move] = field(default_factory=list)
    _current: dict[tuple[UUID, int], Move] = field(default_factory=dict)

    def add(self, move: Move) -> None:
        """Take the next join or leave, in log order."""
        who = (move.event.originator_id, move.event.user_id)
        if isinstance(move.event, Room.UserJoined):
            self._current[who] = move
            self.begun[(*who, move.event.originator_version)] = (move, None)
        elif (join := self._current.pop(who, None)) is not None:
            self.begun[(*who, join.event.originator_version)] = (join, move)
        else:
            self.ended.append(move)


class RoomsProjection:
    """Folds a whole batch at once: a handful of statements, however many events it holds."""

    name = "rooms"

    async def fold(self, batch: Sequence[Recorded[Room.Event]], connection: asyncpg.Connection) -> None:
        """Bring the read models up to the last position in `batch` (ascending), inside the caller's transaction."""
        if not batch:
            return
        await self._open_rooms([r.event for r in batch if isinstance(r.event, Room.RoomOpened)], connection)
        messages = [r.event for r in batch if isinstance(r.event, Room.MessageAdded)]
        member_counts = await self._add_messages_and_update_rooms(messages, changes(batch), connection)
        await self._keep_stays(moves(batch, member_counts), connection)

    async def taken(self, values: Sequence[str], connection: asyncpg.Connection) -> set[str]:
        """Those of these name keys that a room has."""
        return {row[0] for row in await connection.fetch(TAKEN, list(values))}

    async def _open_rooms(self, events: Sequence[Room.RoomOpened], connection: asyncpg.Connection) -> None:
        if events:
            rows = [(e.originator_id, e.name, name_key(e.name), e.timestamp) for e in events]
            await connection.execute(INSERT_ROOMS, *columns(rows))

    async def _add_messages_and_update_rooms(
        self, events: Sequence[Room.MessageAdded], changed: dict[UUID, Change], connection: asyncpg.Connection
    ) -> dict[UUID, int]:
        """Answers how many members each of the rooms has after the batch."""
        rooms = [
            (room_id, c.version, c.position, c.bumped_at, c.last_message_version, c.members, c.messages)
            for room_id, c in sorted(changed.items())
        ]
        messages = [(e.originator_id, e.originator_version, e.user_id, e.content, e.timestamp) for e in events]
        message_columns = columns(messages) if messages else [[]] * 5
        return dict(await connection.fetch(ADD_MESSAGES_AND_UPDATE_ROOMS, *columns(rooms), *message_columns))

    async def _keep_stays(self, moves: Iterable[Move], connection: asyncpg.Connection) -> None:
        stays = Stays()
        for move in moves:
            stays.add(move)
        if stays.ended:
            ended = [(m.event.originator_id, m.event.user_id, *ending(m)) for m in stays.ended]
            await connection.execute(END_STAYS, *columns(ended))
        if stays.begun:
            begun = [
                (room_id, user_id, version, join.position, join.members, *ending(leave))
                for (room_id, user_id, version), (join, leave) in stays.begun.items()
            ]
            await connection.execute(INSERT_STAYS, *columns(begun))


def ending(leave: Move | None) -> tuple[int | None, int | None, int | None]:
    """The columns that say how a membership ended: version, position, members after."""
    return (leave.event.originator_version, leave.position, leave.members) if leave is not None else (None, None, None)


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
            case Room.UserJoined() | Room.UserLeft():
                change.members += difference(event)
    return changed


def moves(batch: Sequence[Recorded[Room.Event]], members_after: dict[UUID, int]) -> Iterator[Move]:
    """The joins and leaves of a batch, given how many members each room has after all of it."""
    joins_and_leaves = [(r.event, r.position) for r in batch if isinstance(r.event, Room.UserJoined | Room.UserLeft)]
    members = dict(members_after)
    for event, _ in joins_and_leaves:
        members[event.originator_id] -= difference(event)
    for event, position in joins_and_leaves:
        members[event.originator_id] += difference(event)
        yield Move(event, position, members[event.originator_id])


def difference(event: Room.UserJoined | Room.UserLeft) -> int:
    """What the event adds to the number of members."""
    return 1 if isinstance(event, Room.UserJoined) else -1


def columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows as one list a column, for `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)]
