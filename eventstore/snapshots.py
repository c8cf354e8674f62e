"""Snapshots: a recent state of each long stream, so that loading it does not replay everything."""

from typing import Generic, TypeVar, cast
from uuid import UUID

import asyncpg
from eventsourcing.domain import Aggregate, Snapshot
from eventsourcing.persistence import Mapper, StoredEvent

from eventstore.values import Version

A = TypeVar("A", bound=Aggregate)

READ = "SELECT originator_version, topic, state FROM snapshots WHERE originator_id = $1"

SAVE = """
INSERT INTO snapshots AS saved (originator_id, originator_version, topic, state) VALUES ($1, $2, $3, $4)
ON CONFLICT (originator_id) DO UPDATE
SET originator_version = excluded.originator_version, topic = excluded.topic, state = excluded.state
WHERE saved.originator_version < excluded.originator_version
"""


class Snapshots(Generic[A]):
    """The table of snapshots: a cache, which may be emptied at any time at the price of slower loads."""

    EVERY = 1000
    """Events in a stream before its first snapshot, and at least between two."""

    GROWTH = 10
    """A long stream is saved again when it has grown by a tenth. A save costs more the larger the state is; this keeps
    the cost per event constant."""

    def __init__(self, mapper: Mapper[UUID]) -> None:
        self._mapper = mapper

    def is_due(self, *, version: Version, saved_version: Version) -> bool:
        """Whether a stream at `version`, last saved at `saved_version` (0: never), is worth saving."""
        return version - saved_version >= max(self.EVERY, saved_version // self.GROWTH)

    def take(self, aggregate: A) -> StoredEvent:
        """The state of `aggregate` at its version, ready to be saved; it may change as soon as this returns."""
        return self._mapper.to_stored_event(Snapshot.take(aggregate))

    async def save(self, taken: StoredEvent, *, connection: asyncpg.Connection) -> None:
        """Save it, unless the table has a newer one of the stream."""
        await connection.execute(SAVE, taken.originator_id, taken.originator_version, taken.topic, taken.state)

    async def load(self, stream_id: UUID, *, connection: asyncpg.Connection) -> A | None:
        """The aggregate as it was saved last, or None."""
        row = await connection.fetchrow(READ, stream_id)
        if row is None:
            return None
        snapshot = self._mapper.to_domain_event(StoredEvent(stream_id, row[0], row[1], row[2]))
        assert isinstance(snapshot, Snapshot)
        return cast(A, snapshot.mutate(None))
