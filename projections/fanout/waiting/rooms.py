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
from projections.fanout.waiting.overflow import Overflow

MAX_BACKLOG = 100
"""When a room has this many publications in the backlog, its next events are held back."""

SLICE = 1_000
"""How many held events are taken up at once: what the lane reads meanwhile goes between two slices."""

MAX_HELD = 20_000
"""How many held events are in memory. Beyond that the longest queues are cut, and read again when their turn comes."""

MAX_ROOMS = 10_000
"""How many rooms wait in memory. More join the overflow, which is read again once half of these are out."""

MAX_MEMBERSHIPS = MEMBERS_IN_MEMORY
"""How many memberships these rooms have in all: the other limit beyond which rooms join the overflow."""


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
        self._users: set[UserId] = set()  # of all rooms that wait in memory
        self._memberships = 0  # of those rooms
        self._overflow: Overflow | None = None
        self._full: set[RoomId] = set()  # the rooms for which the others wait
        self._is_sliced = False  # the last slice was full
        self.held = 0  # events in memory

    def __len__(self) -> int:
        return len(self._rooms) + (len(self._overflow.rooms) if self._overflow else 0)

    @property
    def oldest(self) -> Entry | None:
        """The oldest event that waits."""
        waiting = [room.entries[0] for room in self._rooms.values()]
        if self._overflow:
            waiting.append(self._overflow.oldest)
        return min(waiting, key=lambda entry: entry.position, default=None)

    def _exceed(self, share: float) -> bool:
        """Whether the rooms in memory exceed this share of the limits."""
        return len(self._rooms) >= MAX_ROOMS * share or self._memberships > MAX_MEMBERSHIPS * share

    async def take(
        self, new: Sequence[Entry], publishing: Counter[RoomId], *, read_to: Position, connection: asyncpg.Connection
    ) -> list[Entry]:
        """What to publish now, in log order: a slice of what waits, and of `new` what need not wait.

        `publishing`: how many publications of each room are in the backlog. `read_to`: `new` begins beyond it.
        Raises StoreUnavailable; LogRestarted when the log went back meanwhile.
        """
        turn = Turn(publishing, self._audiences, connection)
        taken = await self._release(turn, read_to) if self._is_time_to_release(publishing) else []
        if self._overflow and not self._exceed(0.5):
            taken += await self._read_overflow(self._overflow, turn, read_to)
        if not len(self) and not await turn.may_fill_a_room(new):
            return [*taken, *new]
        turn.expect(new)
        for entry in new:
            if not await self._hold_back_new(entry, turn):
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
            if self._overflow and self._overflow.concerns(room.entries[0], room.users):
                self._overflow.add(room.entries[0], room.users)  # there its events and theirs are in log order
                self._remove(room_id)
                continue
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
                self._remove(room_id)
        self._users.update(*(self._rooms[room_id].users for _, room_id in queue))
        self._is_sliced = bool(queue)
        return released

    async def _read_again(self, room: WaitingRoom, last: Entry, turn: "Turn", read_to: Position) -> None:
        """Read the next events of a room whose queue was cut after `last`."""
        if self._overflow and last.room_id in self._overflow.rooms:
            read_to = self._overflow.after
        entries = await self._tail.of_room(last.room_id, after=last.stored.version, to=read_to, limit=SLICE)
        room.entries.extend(entries)
        room.has_more = len(entries) == SLICE
        turn.expect(entries)
        self.held += len(entries)
        self._bound_memory()

    async def _read_overflow(self, overflow: Overflow, turn: "Turn", read_to: Position) -> list[Entry]:
        """Read the next events of the overflow, as long as the rooms fit into memory; returns those that need not wait.

        What is older of their users is out or waits in memory. What is younger in memory shares no user with them, or
        stays behind them.
        """
        entries, complete_to = await self._tail.after(overflow.after, to=read_to)
        entries = [entry for entry in entries if overflow.contains(entry)]
        turn.expect(entries)
        passing: list[Entry] = []
        for entry in entries:
            room = self._rooms.get(entry.room_id)
            if room is None and await self._has_to_wait(entry, turn):
                if self._exceed(1):
                    overflow.move_to(entry)
                    return passing
                room = self._add(entry.room_id, await turn.users(entry))
            if room is not None:
                self._hold_back(entry, room)
            else:
                turn.let_through(entry)
                passing.append(entry)
            overflow.oldest = entry
        overflow.after = complete_to
        if complete_to >= read_to:
            self._overflow = None
        return passing

    async def _hold_back_new(self, entry: Entry, turn: "Turn") -> bool:
        """Hold a new event back if it has to wait, in memory or in the overflow."""
        overflow = self._overflow
        if overflow and entry.room_id in overflow.rooms:
            overflow.add(entry, self._own_actor(entry))
            return True
        room = self._rooms.get(entry.room_id)
        if room is None:
            concerned = (await turn.members(entry), turn.actors[entry.room_id], self._own_actor(entry))
            follows = overflow is not None and overflow.concerns(entry, *concerned)
            if not follows and not await self._has_to_wait(entry, turn):
                return False
            if follows or self._exceed(1):
                self._overflow = overflow or Overflow.beginning_at(entry)
                self._overflow.add(entry, *concerned)
                return True
            room = self._add(entry.room_id, await turn.users(entry))
        self._hold_back(entry, room)
        return True

    async def _has_to_wait(self, entry: Entry, turn: "Turn") -> bool:
        """Whether the room of an event is full, or shares a user with one that waits in memory."""
        if await self._is_full(entry.room_id, turn):
            return True
        if not self._users:
            return False
        concerned = (await turn.members(entry), turn.actors[entry.room_id])
        return entry.event.actor in self._users or self._shares_user(entry.room_id, turn, *concerned)

    def _add(self, room_id: RoomId, users: set[UserId]) -> WaitingRoom:
        room = self._rooms[room_id] = WaitingRoom(users)
        self._users |= users
        self._memberships += len(users)
        return room

    def _remove(self, room_id: RoomId) -> None:
        room = self._rooms.pop(room_id)
        self._memberships -= len(room.users)
        self.held -= len(room.entries)

    def _own_actor(self, entry: Entry) -> set[UserId]:
        return {entry.event.actor} if self._audiences.owns(entry.event.actor) else set()

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
        new = self._own_actor(entry) - room.users
        room.users |= new
        self._users |= new
        self._memberships += len(new)
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

    async def users(self, entry: Entry) -> set[UserId]:
        """Those members, and the actors of the room's events that go through."""
        return await self.members(entry) | self.actors[entry.room_id]

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
