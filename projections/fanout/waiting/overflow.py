"""The rooms that wait beyond a lane's limits: only in the log, of which the lane knows where their events begin."""

from collections.abc import Set
from dataclasses import dataclass, field

from domain.values import RoomId, UserId
from eventstore.values import Position, Version
from projections.fanout.publications import Entry


@dataclass(slots=True)
class Overflow:
    """Every event of these rooms from the given version on, as far as it lies beyond `after`.

    A room may wait in memory with its older events, up to `after`.
    """

    oldest: Entry
    """No event of the overflow is older."""
    after: Position
    """Up to here, nothing is in the overflow any more."""
    rooms: dict[RoomId, Version] = field(default_factory=dict)
    users: set[UserId] = field(default_factory=set)

    @classmethod
    def beginning_at(cls, entry: Entry) -> "Overflow":
        return cls(entry, Position(entry.position - 1))

    def add(self, entry: Entry, *users: Set[UserId]) -> None:
        """Add a room that waits from this event on, or an event of a room that is in the overflow."""
        self.rooms.setdefault(entry.room_id, entry.stored.version)
        self.users.update(*users)

    def contains(self, entry: Entry) -> bool:
        first = self.rooms.get(entry.room_id)
        return first is not None and entry.stored.version >= first and entry.position > self.after

    def concerns(self, entry: Entry, *users: Set[UserId]) -> bool:
        """Whether an event may have to follow one of the overflow: it comes later, and shares a user with it."""
        return entry.position > self.after and any(not self.users.isdisjoint(each) for each in users)

    def move_to(self, entry: Entry) -> None:
        """All events before this one are out."""
        self.oldest, self.after = entry, Position(entry.position - 1)
