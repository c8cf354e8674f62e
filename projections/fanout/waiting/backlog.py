"""Publications to large audiences, cut into pieces that wait: a room of 2 does not wait for a room of 100,000."""

from collections import Counter, OrderedDict, deque
from collections.abc import Sequence, Set
from dataclasses import dataclass

from centrifugo.publisher import PER_CALL, Publication
from domain.values import RoomId, UserId
from projections.fanout.publications import Crowd, Entry

SMALL_AUDIENCE = 200
"""A publication to at most this many channels may overtake bigger ones that wait in the backlog."""


def may_overtake(channels: int) -> bool:
    """Whether a publication to so many channels goes out at once."""
    return channels <= SMALL_AUDIENCE


@dataclass(frozen=True, slots=True, eq=False)
class PublicationPiece:
    """The publication of one event, or of a crowd, to at most `PER_CALL` of its users.

    Without a publication, it stands for the removal of what their channels remember: the event erased words.
    """

    entry: Entry | Crowd
    publication: Publication | None
    users: frozenset[UserId]

    @property
    def tells_event(self) -> bool:
        """Whether it publishes the event itself, and not a `feed_paused` in its place."""
        return self.publication is not None and self.publication.idempotency_key == self.entry.key


@dataclass(slots=True, eq=False)
class WaitingPublication:
    """What is left of one publication: pieces that have no user in common. `number` is its place in the backlog."""

    number: int
    pieces: list[PublicationPiece]

    @property
    def oldest(self) -> Entry:
        """Its event; of a crowd, the first."""
        return self.pieces[0].entry.entries[0]


class RoomBacklog:
    """The waiting publications of one room, in log order."""

    def __init__(self) -> None:
        self.publications: deque[WaitingPublication] = deque()
        self._audiences: Counter[frozenset[UserId]] = Counter()  # few: most pieces go to the same users

    def add(self, publication: WaitingPublication) -> None:
        self.publications.append(publication)
        self._audiences.update(piece.users for piece in publication.pieces)

    def remove(self, publication: WaitingPublication, piece: PublicationPiece) -> None:
        publication.pieces.remove(piece)
        if not publication.pieces:
            self.publications.remove(publication)
        self._audiences[piece.users] -= 1
        if not self._audiences[piece.users]:
            del self._audiences[piece.users]

    def shares_user(self, users: Set[UserId]) -> bool:
        return any(not audience.isdisjoint(users) for audience in self._audiences)

    def shares_user_before(self, number: int, users: Set[UserId]) -> bool:
        """Whether a publication before `number` has one of these users."""
        return self.shares_user(users) and any(
            not piece.users.isdisjoint(users)
            for publication in self.publications
            if publication.number < number
            for piece in publication.pieces
        )


class Backlog:
    """The waiting publications of all rooms. Only pieces that share a user must keep their order; rooms take turns."""

    def __init__(self) -> None:
        self._rooms: OrderedDict[RoomId, RoomBacklog] = OrderedDict()  # the next in turn first
        self._added = 0

    @property
    def oldest(self) -> Entry | None:
        """The oldest event that waits, wholly or in part."""
        first = (room.publications[0].oldest for room in self._rooms.values())
        return min(first, key=lambda entry: entry.position, default=None)

    def by_room(self) -> Counter[RoomId]:
        """How many publications of each room wait."""
        return Counter({room_id: len(room.publications) for room_id, room in self._rooms.items()})

    def __len__(self) -> int:
        return sum(len(room.publications) for room in self._rooms.values())

    def add(self, pieces: Sequence[PublicationPiece]) -> None:
        """Append the pieces of one publication. Of each user, and of each room, it is the last."""
        self._added += 1
        waiting = WaitingPublication(self._added, list(pieces))
        self._rooms.setdefault(waiting.oldest.room_id, RoomBacklog()).add(waiting)

    def take_next(self) -> list[PublicationPiece]:
        """Remove the next pieces and return them, as many as fit into one call, of one room after the other."""
        taken: list[PublicationPiece] = []
        channels = passed_over = 0
        while passed_over < len(self._rooms):
            room_id, room = next(iter(self._rooms.items()))
            first = room.publications[0]
            piece = first.pieces[0]
            if self._has_to_wait(piece, room_id, first.number):
                passed_over += 1
                self._rooms.move_to_end(room_id)
                continue
            channels += len(piece.users)
            if taken and channels > PER_CALL:
                break
            passed_over = 0
            self._rooms.move_to_end(room_id)
            self._remove(room_id, first, piece)
            taken.append(piece)
        return taken

    def take_before(self, users: Set[UserId]) -> list[PublicationPiece]:
        """Remove the pieces to publish before a publication to `users`, and return them in their order.

        Those that share a user with it, and older ones that share a user with those.
        """
        if not any(room.shares_user(users) for room in self._rooms.values()):
            return []
        waiting = [(room_id, each) for room_id, room in self._rooms.items() for each in room.publications]
        needed: list[PublicationPiece] = []
        affected = set(users)
        for room_id, publication in sorted(waiting, key=lambda pair: -pair[1].number):
            shared = [piece for piece in publication.pieces if not piece.users.isdisjoint(affected)]
            for piece in shared:
                self._remove(room_id, publication, piece)
                affected |= piece.users
            needed = shared + needed
        return needed

    def _has_to_wait(self, piece: PublicationPiece, room_id: RoomId, number: int) -> bool:
        others = (room for other, room in self._rooms.items() if other != room_id)
        return any(room.shares_user_before(number, piece.users) for room in others)

    def _remove(self, room_id: RoomId, publication: WaitingPublication, piece: PublicationPiece) -> None:
        room = self._rooms[room_id]
        room.remove(publication, piece)
        if not room.publications:
            del self._rooms[room_id]
