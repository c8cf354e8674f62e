"""Publications to many, waiting their turn in pieces, so that a room of 2 need not wait for a room of 100,000."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from itertools import chain

from centrifugo.publisher import PER_CALL, Publication
from domain.values import UserId
from eventstore.values import Position
from projections.fanout.publications import Entry


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What one call carries of one event: a publication, and whose channels it goes to."""

    entry: Entry
    publication: Publication
    users: Set[UserId]


class Backlog:
    """Pieces of several events in log order. Order matters only where two have a user in common."""

    def __init__(self) -> None:
        self._events: list[list[Piece]] = []  # by event, ascending; the pieces of one have no user in common

    @property
    def position(self) -> Position:
        """Of the oldest event that is not published whole."""
        return self._events[0][0].entry.position

    def add(self, pieces: Sequence[Piece]) -> None:
        """Append the pieces of the next event."""
        self._events.append(list(pieces))

    def __len__(self) -> int:
        return len(self._events)

    def next(self) -> list[Piece]:
        """The oldest pieces, as many as one call carries."""
        pieces: list[Piece] = []
        channels = 0
        for piece in chain.from_iterable(self._events):
            channels += len(piece.users)
            if pieces and channels > PER_CALL:
                break
            pieces.append(piece)
        return pieces

    def before(self, users: Set[UserId]) -> list[Piece]:
        """What must be published before something to `users` may be, in order: pieces that share a user with it, and
        older ones that share a user with those."""
        needed: list[Piece] = []
        everybody = set(users)
        for event in reversed(self._events):
            shared = [piece for piece in event if not piece.users.isdisjoint(everybody)]
            needed = shared + needed
            if event is not self._events[0]:
                everybody.update(*(piece.users for piece in shared))
        return needed

    def remove(self, published: Iterable[Piece]) -> None:
        """Forget what is published."""
        gone = set(published)
        remaining = ([piece for piece in event if piece not in gone] for event in self._events)
        self._events = [event for event in remaining if event]
