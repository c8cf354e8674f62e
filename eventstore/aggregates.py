"""Aggregates in memory: recently used ones are kept as they are, neither copied nor read again."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import asyncpg
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import StoredEvent

from eventstore.errors import LogRestarted, UnreadableEvent
from eventstore.generation import KnownLog
from eventstore.inline_projection import InlineProjection
from eventstore.log import Log
from eventstore.snapshots import Snapshots
from eventstore.values import STREAM_START, Version
from postgres.database import Database
from postgres.errors import StoreError

A = TypeVar("A", bound=Aggregate)

PAGE = 500  # events replayed between two chances for other tasks to run

log = logging.getLogger(__name__)


class Slot(Generic[A]):
    """Holds the aggregate of one stream; a process has one slot for each stream that it uses.

    `aggregate` is None before the first load and after an append that failed. Only the writer changes it.
    """

    __slots__ = ("__weakref__", "aggregate", "loading", "saved_version", "stream_id")

    def __init__(self, stream_id: UUID) -> None:
        self.stream_id = stream_id
        self.aggregate: A | None = None
        self.saved_version = STREAM_START
        self.loading = asyncio.Lock()

    @property
    def version(self) -> Version:
        return Version(self.aggregate.version if self.aggregate is not None else 0)

    def apply(self, events: Iterable[Any]) -> None:
        """Bring the aggregate up to date with events that other processes appended to its stream."""
        for event in events:
            self.aggregate = event.mutate(self.aggregate)

    def forget(self) -> None:
        """Drop an aggregate that may hold changes that were never recorded; the next command loads it again."""
        self.aggregate = None
        self.saved_version = STREAM_START


class Aggregates(Generic[A]):
    """Slots of the `capacity` streams that were used last, and of all that are in use."""

    def __init__(
        self,
        database: Database,
        log: Log,
        snapshots: Snapshots[A],
        known: KnownLog,
        projection: InlineProjection,
        *,
        capacity: int,
    ) -> None:
        self._projection = projection
        self._database = database
        self._known = known
        self._log = log
        self._snapshots = snapshots
        self._capacity = capacity
        self._alive: WeakValueDictionary[UUID, Slot[A]] = WeakValueDictionary()
        self._recent: OrderedDict[UUID, Slot[A]] = OrderedDict()
        self._saving: set[asyncio.Task[None]] = set()
        known.on_restart(self._forget_all)

    def slot(self, stream_id: UUID) -> Slot[A]:
        """The slot of a stream, which may be empty; it counts as used now."""
        if (recent := self._recent.get(stream_id)) is not None:
            self._recent.move_to_end(stream_id)
            return recent
        slot = self._alive.get(stream_id)
        if slot is None:
            slot = self._alive[stream_id] = Slot(stream_id)
        self._recent[stream_id] = slot
        while len(self._recent) > self._capacity:
            self._recent.popitem(last=False)
        return slot

    async def load(self, slot: Slot[A]) -> None:
        """Fill an empty slot from the newest snapshot and the events since; it stays empty when there are none.

        Raises LogRestarted when the log went back meanwhile.
        """
        async with slot.loading:
            if slot.aggregate is not None:
                return
            generation = self._known.generation
            loading, saved_version = await self._database.read(partial(self._loaded, slot.stream_id))
            if self._known.generation != generation:
                raise LogRestarted("the log went back")
            if slot.aggregate is None:  # else the writer put a new one there meanwhile
                slot.aggregate, slot.saved_version = loading.aggregate, saved_version

    async def _loaded(self, stream_id: UUID, connection: asyncpg.Connection) -> tuple[Slot[A], Version]:
        """A separate slot filled from the log, and the version of the snapshot that it started from (0: none)."""
        loading: Slot[A] = Slot(stream_id)
        loading.aggregate = await self._snapshots.load(stream_id, connection=connection)
        saved_version = loading.version
        try:
            while page := await self._log.stream(stream_id, after=loading.version, limit=PAGE, connection=connection):
                loading.apply(recorded.event for recorded in page)
        except UnreadableEvent:
            await self._projection.refuse_older(connection)
            raise
        await self._known.check(connection)
        return loading, saved_version

    async def catch_up(self, slots: Iterable[Slot[A]], *, connection: asyncpg.Connection) -> None:
        """Bring these slots up to date with what other processes appended to their streams."""
        behind = {slot.stream_id: slot for slot in slots}
        versions = {stream_id: slot.version for stream_id, slot in behind.items()}
        for recorded in await self._log.streams(versions, connection=connection):
            behind[recorded.event.originator_id].apply([recorded.event])

    def committed(self, slot: Slot[A]) -> None:
        """Take a snapshot if one is due. Called when everything that the aggregate holds is in the log."""
        if slot.aggregate is None or not self._snapshots.is_due(version=slot.version, saved_version=slot.saved_version):
            return
        slot.saved_version = slot.version
        saving = asyncio.create_task(self._save(self._snapshots.take(slot.aggregate)))
        self._saving.add(saving)
        saving.add_done_callback(self._saving.discard)

    async def _save(self, taken: StoredEvent) -> None:
        try:
            async with self._database.connection() as connection:
                await self._snapshots.save(taken, connection=connection)
        except StoreError as error:
            log.warning("snapshot not saved", extra={"stream_id": str(taken.originator_id), "reason": str(error)})

    def _forget_all(self) -> None:
        for slot in list(self._alive.values()):
            slot.forget()

    async def close(self) -> None:
        """Wait for snapshots under way."""
        await asyncio.gather(*self._saving)
