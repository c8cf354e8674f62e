"""Rooms, memberships and messages, as pages and answers show them. Source: every Room event.

What to write is worked out here, for a whole batch; the functions in `fold.sql` write it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from domain.room import Room, name_key
from eventstore.log import Recorded
from postgres.calls import Call

FUNCTIONS = Path(__file__).with_name("fold.sql")
"""The functions that this module calls."""

TAKEN = "SELECT name_key FROM rooms WHERE name_key = ANY($1)"


@dataclass(slots=True)
class Change:
    """What a batch did to one room, as differences."""

    version: int = 0
    place: int = 0
    bumped_at: datetime | None = None
    last_message_version: int | None = None
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
        if isinstance(move.event, Room.UserJoined):
            self._current[move.who] = move
            self.begun[(*move.who, move.event.originator_version)] = (move, None)
        elif (join := self._current.pop(move.who, None)) is not None:
            self.begun[(*join.who, join.event.originator_version)] = (join, move)
        else:
            self.ended.append(move)


class RoomsProjection:
    """Folds a whole batch at once, in one round trip, however many events it holds."""

    name = "rooms"

    version = 1
    """Of the fold: raised with every change after which the same events make other rows."""

    async def fold(self, batch: Sequence[Recorded[Room.Event]], connection: asyncpg.Connection) -> None:
        """Bring the read models up to the last position in `batch` (ascending), inside the caller's transaction."""
        if batch:
            await self.folding([(recorded.position, recorded.event) for recorded in batch], base=0).fetch(connection)

    def folding(self, batch: Sequence[tuple[int, Room.Event]], *, base: Call | int) -> Call:
        """The call that folds events at these places (ascending), counted from the position `base`; returns `base`."""
        openings = [event for _, event in batch if isinstance(event, Room.RoomOpened)]
        moves = moves_in(batch)
        if openings:
            base = fold_openings(openings, base)
        if moves:
            base = fold_stays(moves, base)
        return fold_changes(batch, base)

    async def taken(self, values: Sequence[str], connection: asyncpg.Connection) -> set[str]:
        """Those of these name keys that a room has."""
        return {row[0] for row in await connection.fetch(TAKEN, list(values))}


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


def fold_changes(batch: Sequence[tuple[int, Room.Event]], base: Call | int) -> Call:
    """The call that adds messages and brings the rooms' own rows up to date."""
    rooms = [
        (room_id, c.version, c.place, c.bumped_at, c.last_message_version, c.members, c.messages)
        for room_id, c in changes(batch).items()
    ]
    messages = [
        (e.originator_id, e.originator_version, e.user_id, e.content, e.timestamp)
        for _, e in batch
        if isinstance(e, Room.MessageAdded)
    ]
    return Call("fold_changes", base, *columns(rooms, 7), *columns(messages, 5))


def changes(batch: Iterable[tuple[int, Room.Event]]) -> dict[UUID, Change]:
    """What the batch did to each of its rooms."""
    changed: dict[UUID, Change] = {}
    for place, event in batch:
        change = changed.get(event.originator_id)
        if change is None:
            change = changed[event.originator_id] = Change()
        change.version, change.place = event.originator_version, place
        match event:
            case Room.MessageAdded():
                change.messages += 1
                change.bumped_at, change.last_message_version = event.timestamp, event.originator_version
            case Room.UserJoined() | Room.UserLeft():
                change.members += difference(event)
    return changed


def moves_in(batch: Iterable[tuple[int, Room.Event]]) -> list[Move]:
    """The joins and leaves of a batch."""
    added: defaultdict[UUID, int] = defaultdict(int)
    moves = []
    for place, event in batch:
        if isinstance(event, Room.UserJoined | Room.UserLeft):
            added[event.originator_id] += difference(event)
            moves.append(Move(event, place, added[event.originator_id]))
    return moves


def difference(event: Room.UserJoined | Room.UserLeft) -> int:
    """What the event adds to the number of members."""
    return 1 if isinstance(event, Room.UserJoined) else -1


def columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows of `width` fields as one list a column, for `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
