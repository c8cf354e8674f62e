"""Rooms, memberships and messages, as pages and answers show them. Source: every Room event.

What to write is worked out here, for a whole batch; the functions in `fold.sql` write it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, assert_never
from uuid import UUID

import asyncpg

from domain.names import name_key
from domain.room import Room, RoomEvent
from eventstore.log import Recorded
from eventstore.values import STREAM_START, Version
from postgres.calls import Call

FUNCTIONS = Path(__file__).with_name("fold.sql")
"""The functions that this module calls."""

HOLDERS = "SELECT name_key, room_id FROM rooms WHERE name_key = ANY($1)"


@dataclass(slots=True)
class RoomDelta:
    """What a batch did to one room, as differences."""

    version: Version = STREAM_START
    place: int = 0
    bumped_at: datetime | None = None
    last_message_version: Version | None = None
    members: int = 0
    messages: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """A join or a leave, with what the batch has added to the number of the room's members by then."""

    event: Room.UserJoined | Room.UserLeft
    place: int
    change: int

    @property
    def who(self) -> tuple[UUID, int]:
        return self.event.originator_id, self.event.user_id

    @property
    def moment(self) -> tuple[int, int, int]:
        """The columns that say when and to what effect."""
        return self.event.originator_version, self.place, self.change


NEVER = (None, None, None)
"""The moment of a leave that has not happened."""


@dataclass(slots=True)
class Stays:
    """The memberships that a batch began, some of them ended as well, and those from before it that it ended."""

    begun: dict[tuple[UUID, int, int], tuple[Move, Move | None]] = field(default_factory=dict)
    ended: list[Move] = field(default_factory=list)
    _current: dict[tuple[UUID, int], Move] = field(default_factory=dict)

    def add(self, move: Move) -> None:
        """Take the next join or leave, in log order."""
        match move.event:
            case Room.UserJoined():
                self._current[move.who] = move
                self.begun[(*move.who, move.event.originator_version)] = (move, None)
            case Room.UserLeft():
                self._end(move)
            case _:
                assert_never(move.event)

    def _end(self, leave: Move) -> None:
        if (join := self._current.pop(leave.who, None)) is not None:
            self.begun[(*join.who, join.event.originator_version)] = (join, leave)
        else:
            self.ended.append(leave)


@dataclass(slots=True)
class BatchByKind:
    """The events of a batch by what they do, each kind in log order."""

    openings: list[Room.RoomOpened] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    messages: list[Room.MessageAdded] = field(default_factory=list)
    renames: list[Room.RoomRenamed] = field(default_factory=list)
    deltas: dict[UUID, RoomDelta] = field(default_factory=dict)

    def add(self, place: int, event: RoomEvent) -> None:
        """Take the next event."""
        delta = self.deltas.get(event.originator_id)
        if delta is None:
            delta = self.deltas[event.originator_id] = RoomDelta()
        delta.version, delta.place = Version(event.originator_version), place
        match event:
            case Room.MessageAdded():
                self.messages.append(event)
                delta.messages += 1
                delta.bumped_at, delta.last_message_version = event.timestamp, delta.version
            case Room.UserJoined():
                delta.members += 1
                self.moves.append(Move(event, place, delta.members))
            case Room.UserLeft():
                delta.members -= 1
                self.moves.append(Move(event, place, delta.members))
            case Room.RoomOpened():
                self.openings.append(event)
            case Room.RoomRenamed():
                self.renames.append(event)
            case _:
                assert_never(event)


class RoomsProjection:
    """Folds a whole batch at once, in one round trip, however many events it holds."""

    name = "rooms"

    version = 2
    """Of the fold: raised with every change after which the same events make other rows."""

    async def fold(self, batch: Sequence[Recorded[RoomEvent]], connection: asyncpg.Connection) -> None:
        """Bring the read models up to the last position in `batch` (ascending), inside the caller's transaction."""
        if batch:
            await self.folding([(recorded.position, recorded.event) for recorded in batch], base=0).fetch(connection)

    def folding(self, batch: Sequence[tuple[int, RoomEvent]], *, base: Call | int) -> Call:
        """The call that folds events at these places (ascending), counted from the position `base`; returns `base`."""
        kinds = BatchByKind()
        for place, event in batch:
            kinds.add(place, event)
        if kinds.openings:
            base = fold_openings(kinds.openings, base)
        if kinds.moves:
            base = fold_stays(kinds.moves, base)
        if kinds.renames:
            base = fold_renames(kinds.renames, base)
        return fold_changes(kinds.deltas, kinds.messages, base)

    async def holders(self, values: Sequence[str], connection: asyncpg.Connection) -> dict[str, set[UUID]]:
        """The rooms that have each of these name keys; another application may have opened several with one."""
        found: dict[str, set[UUID]] = {}
        for key, room_id in await connection.fetch(HOLDERS, list(values)):
            found.setdefault(key, set()).add(room_id)
        return found


def fold_openings(events: Sequence[Room.RoomOpened], base: Call | int) -> Call:
    """The call that adds rooms, as yet without members."""
    rows = [(e.originator_id, e.name, name_key(e.name), e.timestamp) for e in events]
    return Call("fold_openings", base, *columns(rows, 4))


def fold_stays(moves: Iterable[Move], base: Call | int) -> Call:
    """The call that begins and ends memberships, while the rooms' rows still tell their members before the batch."""
    stays = Stays()
    for move in moves:
        stays.add(move)
    ended = [(*leave.who, *leave.moment) for leave in stays.ended]
    begun = [
        (*join.who, *join.moment, *(leave.moment if leave is not None else NEVER))
        for join, leave in stays.begun.values()
    ]
    return Call("fold_stays", base, *columns(ended, 5), *columns(begun, 8))


def fold_renames(events: Sequence[Room.RoomRenamed], base: Call | int) -> Call:
    """The call that names rooms, and keeps what they were called before."""
    rows = [(e.originator_id, e.originator_version, e.name, name_key(e.name)) for e in events]
    return Call("fold_renames", base, *columns(rows, 4))


def fold_changes(deltas: Mapping[UUID, RoomDelta], messages: Iterable[Room.MessageAdded], base: Call | int) -> Call:
    """The call that adds messages and brings the rooms' own rows up to date."""
    rooms = [
        (room_id, d.version, d.place, d.bumped_at, d.last_message_version, d.members, d.messages)
        for room_id, d in deltas.items()
    ]
    said = [(e.originator_id, e.originator_version, e.user_id, e.content, e.timestamp) for e in messages]
    return Call("fold_changes", base, *columns(rooms, 7), *columns(said, 5))


def columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows of `width` fields as one list a column, for `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
