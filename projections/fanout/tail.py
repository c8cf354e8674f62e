"""The end of the log, read once for all lanes of a process, or taken over from its writer."""

import asyncio
import contextlib
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from datetime import datetime

from domain.room import Room, RoomEvent
from domain.values import RoomId
from eventstore.errors import LogRestarted
from eventstore.generation import KnownLog
from eventstore.log import CHANNEL, Log, Stored
from eventstore.values import LOG_START, Position, Version
from eventstore.writer.hand_over import Appended, HandOver
from postgres.database import Database
from postgres.listener import Listener
from projections.fanout.publications import Crowd, Entry, Publications
from projections.readmodels.projection import RoomsProjection

PAGE = 1_000
"""How many events are read at a time."""

WINDOW = 5_000
"""How many entries are kept for lanes that are a little behind; a lane further behind reads the log itself."""

POLL_S = 0.5
"""How long a lost notification can delay an event."""

FRESH_S = 1.0
"""How long after its commit an event that was handed over is published without asking what is left of its words."""

FOLDED_BY = RoomsProjection.name
"""Bodies are made from the read models: an event is published once these have folded it."""


class Tail:
    """Entries beyond a position, as they arrive. Wakes on NOTIFY, and polls as well.

    What the writer of this process hands over extends the window when it begins where the window ends, or before: then
    nothing is missing between. Everything else is read from the log.

    What erases or hides words comes later in the log than they do. Once it is in the window, what is before it in its
    room is not fresh any more.

    Each tail has a name of its own in what it says of places in the log. It notices when the log goes back while it
    reads, so a client needs to remember only the newest place that it got from one tail.
    """

    def __init__(
        self,
        dsn: str,
        database: Database,
        log: Log,
        publications: Publications,
        known: KnownLog,
        hand_over: HandOver,
    ) -> None:
        self.known = known
        self._database = database
        self._log = log
        self._publications = publications
        self._window: deque[Entry] = deque(maxlen=WINDOW)
        self._from = self._to = LOG_START  # the window holds every event beyond `_from`, up to `_to`
        self._reading = asyncio.Lock()
        self._came_while_reading: list[Appended] = []
        self._news = asyncio.Event()
        self._backend = 0  # the one that announces what is handed over
        self._listener = Listener(dsn, CHANNEL, on_connect=self._news.set, on_notify=self._notice)
        self.head = LOG_START
        known.on_restart(self._forget)
        known.gate.on_close(self._forget)
        hand_over.on_append(self._take_over)

    async def run(self) -> None:
        """Listen for notifications until cancelled. Without it `wait_for_news` only polls."""
        await self._listener.run()

    def has_news(self, position: Position) -> bool:
        """Whether there may be events beyond `position`, as far as this process knows without a query."""
        return self._to > position or self._news.is_set()

    def oldest_beyond(self, position: Position) -> datetime | None:
        """When the first known event beyond `position` happened, without a query; None when none is known."""
        start = bisect_right(self._window, position, key=lambda entry: entry.position)
        return self._window[start].event.timestamp if start < len(self._window) else None

    async def wait_for_news(self, position: Position, *, at_most_s: float | None = None) -> bool:
        """Wait until there may be events beyond `position`, `POLL_S` unless told; return whether there may be."""
        if not self.has_news(position):
            wait_s = POLL_S if at_most_s is None else at_most_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):  # in this task: nothing may come between the question and the wait
                    await self._news.wait()
        return self.has_news(position)

    def wake(self) -> None:
        """End every `wait_for_news` now."""
        self._news.set()

    async def after(
        self, position: Position, *, limit: int = PAGE, to: Position | None = None
    ) -> tuple[list[Entry], Position]:
        """The next entries beyond `position`, at most `limit`, none beyond `to`; and how far they are complete.

        Raises StoreUnavailable; LogRestarted when the log went back meanwhile; ContentWithheld.
        """
        async with self._reading:
            if position >= self._to:
                await self._extend(position)
        entries, complete_to = (
            self._windowed(position, limit) if position >= self._from else await self._read(position, limit)
        )
        if to is not None and complete_to > to:
            return [entry for entry in entries if entry.position <= to], to
        return entries, complete_to

    async def of_room(self, room_id: RoomId, *, after: Version, to: Position, limit: int) -> list[Entry]:
        """The next entries of one room beyond a version, at most `limit`, none beyond `to`; the read models have it.

        Raises StoreUnavailable; LogRestarted when the log went back meanwhile; ContentWithheld.
        """
        generation, closings = self.known.generation, self.known.gate.closings
        async with self._database.connection() as connection:
            batch = await self._log.stream_with_words(room_id, after=after, limit=limit, connection=connection)
            await self.known.check(connection)
        self._check(generation, closings)
        return [self._entry(stored, generation) for stored in batch if stored.position <= to]

    def _forget(self) -> None:
        self._window.clear()
        self._from = self._to = self.head = LOG_START
        self._news.set()

    def encode_at_hand(self, entry: Entry) -> bool:
        """Fill in the data of an entry from memory, unless events may be unread; returns whether it has its data."""
        return not self._news.is_set() and self._publications.encode_at_hand(entry)

    async def encode(self, entries: Sequence[Entry]) -> None:
        """Fill in the data of entries that a lane is about to publish. Raises StoreUnavailable."""
        await self._publications.encode(entries)

    async def encode_crowd(self, crowd: Crowd) -> None:
        """Fill in the data of a crowd that a lane is about to publish. Raises StoreUnavailable."""
        await self._publications.encode_crowd(crowd)

    def _notice(self, backend: int, _: str) -> None:
        """Take note that something was appended, unless it is what was or will be handed over in a moment.

        The transaction that appends notifies before its process learns that it is committed.
        """
        if backend != self._backend:
            self._news.set()

    def _take_over(self, appended: Appended) -> None:
        """Extend the window by what this process has committed, if nothing is missing between; else have it read."""
        self._backend = appended.backend
        if appended.generation != self.known.generation or not self.known.gate.is_open:
            self._news.set()
        elif appended.after <= self._to and len(appended.events) <= PAGE:
            entries = [
                self._entry(stored, appended.generation, fresh_until=appended.committed_at + FRESH_S)
                for stored in appended.events
                if stored.position > self._to and stored.topic in self._log.topics
            ]
            self._grow(entries, appended.to)
            self._wake_waiting()
        elif self._reading.locked():
            self._came_while_reading.append(appended)
        else:
            self._news.set()

    def _wake_waiting(self) -> None:
        """End every `wait_for_news` that is under way: the window has grown, and there is nothing to read."""
        if not self._news.is_set():
            self._news.set()
            self._news.clear()

    async def _extend(self, position: Position) -> None:
        """Extend the window, or start a new one at `position` when that lies beyond its end."""
        self._news.clear()  # before reading: events announced from now on may be missing from the result
        if position > self._to or not self._window:
            self._window.clear()
            self._from = self._to = position
        try:
            entries, complete_to = await self._read(self._to, PAGE)
            if len(entries) == PAGE:
                self._news.set()  # a full page: there may be more, and its notification has come already
            self._grow([entry for entry in entries if entry.position > self._to], complete_to)
        finally:
            came, self._came_while_reading = self._came_while_reading, []
            for appended in came:
                self._take_over(appended)

    def _grow(self, entries: Sequence[Entry], complete_to: Position) -> None:
        """Append entries to the window, which then has every event up to `complete_to`."""
        overflow = len(self._window) + len(entries) - WINDOW
        if overflow > 0:
            self._from = self._window[overflow - 1].position
        self._window.extend(entries)
        self._heed(entries)
        self._to = max(self._to, complete_to)
        self.head = max(self.head, complete_to)

    def _heed(self, entries: Sequence[Entry]) -> None:
        """Where new events erase or hide words, or erase a name, have these asked for from now on."""
        hiding = {
            entry.room_id for entry in entries if isinstance(entry.event, Room.ContentErased | Room.MessageRetracted)
        }
        if hiding:
            for entry in self._window:
                if entry.room_id in hiding:
                    entry.fresh_until = 0.0
        for entry in entries:
            if isinstance(entry.event, Room.UserErased):
                self._publications.erase_author(entry.event.member_id)

    def _windowed(self, position: Position, limit: int) -> tuple[list[Entry], Position]:
        start = bisect_right(self._window, position, key=lambda entry: entry.position)
        stop = min(len(self._window), start + limit)
        entries = [self._window[place] for place in range(start, stop)]
        return entries, self._to if stop == len(self._window) else entries[-1].position

    async def _read(self, position: Position, limit: int) -> tuple[list[Entry], Position]:
        generation, closings = self.known.generation, self.known.gate.closings
        async with self._database.connection() as connection:
            batch, folded = await self._log.folded(FOLDED_BY, position, limit=limit, connection=connection)
            await self.known.check(connection)
        self._check(generation, closings)
        self.head = max(self.head, folded)
        entries = [self._entry(stored, generation) for stored in batch]
        return entries, batch[-1].position if len(batch) == limit else max(position, folded)

    def _entry(self, stored: Stored[RoomEvent], generation: int, *, fresh_until: float = 0.0) -> Entry:
        return Entry(stored, source=self.known.source(generation), fresh_until=fresh_until)

    def _check(self, generation: int, closings: int) -> None:
        """Check that what was read is of the log of `generation`, and may go out. `known` was compared after it."""
        if self.known.generation != generation:
            raise LogRestarted("the log went back")
        self.known.gate.check(closings)
