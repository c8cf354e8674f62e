"""Events that a lane has read and not begun, by room: a crowded room waits by itself and does not hold up strangers.

A room with enough publications in the backlog is full, and its next events are held back. So are those of every room
that shares a user with one that waits. So all of a user's publications wait or none does, and their order holds.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Sequence, Set
from heapq import heapify, heappop, heappush
from itertools import islice

import asyncpg

from domain.values import RoomId, UserId
from eventstore.values import Position
from projections.fanout.audience import MEMBERS_IN_MEMORY, Audience, Audiences
from projections.fanout.publications import Entry, publication_ends
from projections.fanout.tail import Tail
from projections.fanout.waiting.backlog import may_overtake

MAX_BACKLOG = 100
"""When a room has this many publications in the backlog, its next events are held back."""

SLICE = 1_000
"""How many held events are taken up at once: what the lane reads meanwhile goes between two slices."""

MAX_HELD = 20_000
"""How many held events are in memory. Beyond that the longest queues are cut, and read again when their turn comes."""


class WaitingRoom:
    """The next events of a room, at least one of them in memory, and everyone who may get one of them."""

    __slots__ = ("entries", "has_more", "users")

    def __init__(self, users: set[UserId]) -> None:
        self.users = users
        self.entries: deque[Entry] = deque()
        self.has_more = False  # beyond those in memory, the lane has read events that are only in the log

    def cut(self, length: int) -> None:
        """Keep at most so many events in memory."""
        while len(self.entries) > length:
            self.entries.pop()
            self.has_more = True


class WaitingRooms:
    """The rooms of a lane that wait."""

    def __init__(self, audiences: Audiences, tail: Tail) -> None:
        self._audiences = audiences
        self._tail = tail
        self._rooms: dict[RoomId, WaitingRoom] = {}
        self._users: set[UserId] = set()  # of all rooms that wait
        self._full: set[RoomId] = set()  # the rooms for which the others wait
        self._is_sliced = False  # the last slice was full
        self.held = 0  # events in memory

    def __len__(self) -> int:
        return len(self._rooms)

    @property
    def oldest(self) -> Entry | None:
        """The oldest event that waits."""
        return min((room.entries[0] for room in self._rooms.values()), key=lambda entry: entry.position, default=None)

    @property
    def is_at_limit(self) -> bool:
        """Whether so many rooms, or so big ones, wait that the lane must read no further: what bounds the memory."""
        members = sum(len(room.users) for room in self._rooms.values())
        return len(self._rooms) > MAX_HELD // 2 or members > MEMBERS_IN_MEMORY

    async def take(
        self, new: Sequence[Entry], publishing: Counter[RoomId], *, read_to: Position, connection: asyncpg.Connection
    ) -> list[Entry]:
        """What to publish now, in log order: a slice of what waits, and of `new` what need not wait.

        `publishing`: how many publications of each room are in the backlog. `read_to`: `new` begins beyond it.
        Raises StoreUnavailable; LogRestarted when the log went back meanwhile.
        """
        turn = Turn(publishing, self._audiences, connection)
        taken = await self._release(turn, read_to) if self._is_time_to_release(publishing) else []
        if not self._rooms and not await turn.may_fill_a_room(new):
            return [*taken, *new]
        turn.expect(new)
        for entry in new:
            if room := self._rooms.get(entry.room_id) or await self._stop(entry, turn):
                self._hold_back(entry, room)
            else:
                turn.let_through(entry)
                taken.append(entry)
        return taken

    def _is_time_to_release(self, publishing: Counter[RoomId]) -> bool:
        if not self._rooms:
            return False
        return self._is_sliced or not self._full or any(publishing[room] <= MAX_BACKLOG // 2 for room in self._full)

    async def _release(self, turn: "Turn", read_to: Position) -> list[Entry]:
        """The next slice of what waits. Looks at the events in log order: a user's older ones go first."""
        self._users, self._full = set(), set()
        released: list[Entry] = []
        queue = [(room.entries[0].position, room_id) for room_id, room in self._rooms.items()]
        heapify(queue)
        while queue and len(released) < SLICE:
            _, room_id = heappop(queue)
            room = self._rooms[room_id]
            if await self._is_full(room_id, turn) or self._shares_user(room_id, turn, room.users):
                self._users |= room.users  # whoever shares a user with it has to stay, too
                continue
            if room_id not in turn.first:
                turn.expect(list(islice(room.entries, SLICE)))
            entry = room.entries.popleft()
            self.held -= 1
            released.append(entry)
            turn.let_through(entry)
            if not room.entries and room.has_more:
                await self._read_again(room, entry, turn, read_to)
            if room.entries:
                heappush(queue, (room.entries[0].position, room_id))
            else:
                del self._rooms[room_id]
        self._users.update(*(self._rooms[room_id].users for _, room_id in queue))
        self._is_sliced = bool(queue)
        return released

    async def _read_again(self, room: WaitingRoom, last: Entry, turn: "Turn", read_to: Position) -> None:
        """Read the next events of a room whose queue was cut after `last`."""
        entries = await self._tail.of_room(last.room_id, after=last.stored.version, to=read_to, limit=SLICE)
        room.entries.extend(entries)
        room.has_more = len(entries) == SLICE
        turn.expect(entries)
        self.held += len(entries)
        self._bound_memory()

    async def _stop(self, entry: Entry, turn: "Turn") -> WaitingRoom | None:
        """Make the room of a new event wait if it has to."""
        if not await self._is_full(entry.room_id, turn):
            if not self._users:
                return None
            concerned = (await turn.members(entry), turn.actors[entry.room_id])
            if entry.event.actor not in self._users and not self._shares_user(entry.room_id, turn, *concerned):
                return None
        room = WaitingRoom(await turn.members(entry) | turn.actors[entry.room_id])
        self._users |= room.users
        self._rooms[entry.room_id] = room
        return room

    async def _is_full(self, room_id: RoomId, turn: "Turn") -> bool:
        is_full = await turn.is_full(room_id)
        if is_full:
            self._full.add(room_id)
        return is_full

    def _shares_user(self, room_id: RoomId, turn: "Turn", *concerned: Set[UserId]) -> bool:
        """Whether one of these users, of one room, waits for an older event."""
        if turn.clear_of.get(room_id) == len(self._users):  # which only grow in a turn
            return False
        if any(not self._users.isdisjoint(users) for users in concerned):
            return True
        turn.clear_of[room_id] = len(self._users)
        return False

    def _hold_back(self, entry: Entry, room: WaitingRoom) -> None:
        if self._audiences.owns(entry.event.actor):
            room.users.add(entry.event.actor)
            self._users.add(entry.event.actor)
        if not room.has_more:
            room.entries.append(entry)
            self.held += 1
            self._bound_memory()

    def _bound_memory(self) -> None:
        """Cut the longest queues: every room keeps its next event."""
        if self.held <= MAX_HELD:
            return
        length = max(len(room.entries) for room in self._rooms.values())
        while self.held > MAX_HELD // 2 and length > 1:
            length //= 2
            for room in self._rooms.values():
                room.cut(length)
            self.held = sum(len(room.entries) for room in self._rooms.values())


class Turn:
    """What goes through in one turn of the lane, before any of it is delivered."""

    def __init__(self, publishing: Counter[RoomId], audiences: Audiences, connection: asyncpg.Connection) -> None:
        self._audiences = audiences
        self._connection = connection
        self._publications = publishing.copy()
        self._ends: set[Position] = set()
        self.first: dict[RoomId, Entry] = {}
        self.actors: defaultdict[RoomId, set[UserId]] = defaultdict(set)
        self.clear_of: dict[RoomId, int] = {}  # so many waiting users, and none of them is in the room

    def expect(self, entries: Sequence[Entry]) -> None:
        """See which of the entries are a crowd."""
        self._ends |= publication_ends(entries)

    def let_through(self, entry: Entry) -> None:
        """The event goes through."""
        self.first.setdefault(entry.room_id, entry)
        if self._audiences.owns(entry.event.actor):
            self.actors[entry.room_id].add(entry.event.actor)
        self._publications[entry.room_id] += entry.position in self._ends

    async def members(self, entry: Entry) -> set[UserId]:
        """The members of an entry's room before the first event that goes through, or before the entry."""
        return (await self._audience(entry)).members

    async def may_fill_a_room(self, entries: Sequence[Entry]) -> bool:
        """Whether a room has so many of these events, and so many members, that it could get full."""
        by_room: defaultdict[RoomId, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_room[entry.room_id].append(entry)
        for room_id, those in by_room.items():
            if self._publications[room_id] + len(those) > MAX_BACKLOG:
                actors = {entry.event.actor for entry in those}
                if not may_overtake(len((await self._audience(those[0])).warm_members) + len(actors)):
                    return True
        return False

    async def is_full(self, room_id: RoomId) -> bool:
        """Whether a room has enough publications in the backlog, with those that go through."""
        if self._publications[room_id] < MAX_BACKLOG:
            return False
        if room_id not in self.first:
            return True
        warm = (await self._audience(self.first[room_id])).warm_members
        return not may_overtake(len(warm) + len(self.actors[room_id]))

    async def _audience(self, entry: Entry) -> Audience:
        """As nothing is delivered during the turn, a room's audience is that before its first event in it."""
        return await self._audiences.before(self.first.get(entry.room_id, entry).event, self._connection)
