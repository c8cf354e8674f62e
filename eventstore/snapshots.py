"""Snapshots: a recent state of each long stream, so that loading it does not replay everything."""

import hashlib
import hmac
import logging
from typing import Generic, TypeVar, cast
from uuid import UUID

import asyncpg
from eventsourcing.domain import Aggregate, Snapshot
from eventsourcing.persistence import Mapper, StoredEvent

from eventstore.log import TABLE, Log
from eventstore.values import STREAM_START, Version

A = TypeVar("A", bound=Aggregate)

LABEL = b"onrecord/snapshot/v1\x00"

# The hash is of the event that brought the stream to the snapshot's version, as the log has it.
READ = f"""
SELECT saved.originator_version, saved.topic, saved.state, saved.mac,
    event_hash(event.notification_id, originator_id, originator_version, event.topic, event.state) AS event_hash
FROM snapshots AS saved LEFT JOIN {TABLE} AS event USING (originator_id, originator_version)
WHERE originator_id = $1
"""
READ_EVENT_HASH = f"""
SELECT event_hash(notification_id, originator_id, originator_version, topic, state)
FROM {TABLE} WHERE originator_id = $1 AND originator_version = $2
"""

SAVE = """
INSERT INTO snapshots AS saved (originator_id, originator_version, topic, state, mac) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (originator_id) DO UPDATE SET
    originator_version = excluded.originator_version, topic = excluded.topic, state = excluded.state, mac = excluded.mac
WHERE saved.originator_version < excluded.originator_version
"""
STREAMS = "SELECT originator_id FROM snapshots WHERE $1::uuid IS NULL OR originator_id = $1 ORDER BY originator_id"
DELETE = "DELETE FROM snapshots WHERE originator_id = $1 AND originator_version = $2 AND mac IS NOT DISTINCT FROM $3"

PAGE = 2000
"""Events read at a time to examine a snapshot."""

log = logging.getLogger(__name__)


class Snapshots(Generic[A]):
    """The table of snapshots: a cache, which may be emptied at any time at the price of slower loads.

    A snapshot counts only with a code that shows two things: a holder of `key` made it, and the log still has the event
    that it ends with. Without a key there are no snapshots: none is loaded and none is taken.
    """

    EVERY = 1000
    """Events in a stream before its first snapshot, and at least between two."""

    GROWTH = 10
    """A long stream is saved again when it has grown by a tenth. A save costs more the larger the state is; this keeps
    the cost per event constant."""

    def __init__(self, mapper: Mapper[UUID], *, key: bytes | None) -> None:
        self._mapper = mapper
        self._key = key

    def is_due(self, *, version: Version, saved_version: Version) -> bool:
        """Whether a stream at `version`, last saved at `saved_version` (0: never), is worth saving."""
        return self._key is not None and version - saved_version >= max(self.EVERY, saved_version // self.GROWTH)

    def take(self, aggregate: A) -> StoredEvent:
        """The state of `aggregate` at its version, ready to be saved; it may change as soon as this returns."""
        return self._mapper.to_stored_event(Snapshot.take(aggregate))

    async def save(self, taken: StoredEvent, *, connection: asyncpg.Connection) -> None:
        """Save it, unless the table has a newer one of the stream, or the log no longer has its last event."""
        event_hash = await connection.fetchval(READ_EVENT_HASH, taken.originator_id, taken.originator_version)
        if self._key is None or event_hash is None:
            return
        mac = code(self._key, taken, event_hash)
        await connection.execute(SAVE, taken.originator_id, taken.originator_version, taken.topic, taken.state, mac)

    async def load(self, stream_id: UUID, *, connection: asyncpg.Connection) -> A | None:
        """The aggregate as it was saved last, or None. A snapshot that does not count is logged and removed."""
        row = await connection.fetchrow(READ, stream_id) if self._key is not None else None
        if row is None or self._key is None:
            return None
        taken = StoredEvent(stream_id, row["originator_version"], row["topic"], row["state"])
        if (reason := fault(self._key, taken, row["mac"], row["event_hash"])) is not None:
            log.error(
                "snapshot ignored and removed",
                extra={"stream_id": str(stream_id), "version": taken.originator_version, "reason": reason},
            )
            await connection.execute(DELETE, stream_id, taken.originator_version, row["mac"])
            return None
        return self._restored(taken)

    async def streams(self, connection: asyncpg.Connection, *, stream_id: UUID | None = None) -> list[UUID]:
        """The streams that have a snapshot; the one of `stream_id` only, unless that is None."""
        return [row[0] for row in await connection.fetch(STREAMS, stream_id)]

    async def examine(self, stream_id: UUID, log: Log, *, connection: asyncpg.Connection) -> str | None:
        """What is wrong with a stream's snapshot, after reading all events that it sums up; None when nothing is.

        Without a key it cannot be told whether it was authenticated, and only its state counts.
        """
        row = await connection.fetchrow(READ, stream_id)
        if row is None:
            return None  # removed meanwhile
        taken = StoredEvent(stream_id, row["originator_version"], row["topic"], row["state"])
        if self._key is not None and (reason := fault(self._key, taken, row["mac"], row["event_hash"])) is not None:
            return reason
        try:
            saved = self._restored(taken)
        except Exception as error:  # the state is whatever is in the table
            return f"it cannot be read ({type(error).__name__})"
        summed_up = await _state_at(stream_id, Version(taken.originator_version), log, connection)
        return None if saved == summed_up else "its state is not that of the events up to its version"

    def _restored(self, taken: StoredEvent) -> A:
        snapshot = self._mapper.to_domain_event(taken)
        assert isinstance(snapshot, Snapshot)
        return cast(A, snapshot.mutate(None))


async def _state_at(stream_id: UUID, version: Version, log: Log, connection: asyncpg.Connection) -> Aggregate | None:
    """The aggregate that the stream's events up to `version` make."""
    aggregate: Aggregate | None = None
    read_to = STREAM_START
    while read_to < version and (
        page := await log.stream(stream_id, after=read_to, limit=min(PAGE, version - read_to), connection=connection)
    ):
        for recorded in page:
            aggregate = recorded.event.mutate(aggregate)
        read_to = page[-1].version
    return aggregate


def code(key: bytes, taken: StoredEvent, event_hash: bytes) -> bytes:
    """HMAC-SHA-256 over what a snapshot says and the event that it ends with."""
    stream_id, topic = UUID(str(taken.originator_id)), taken.topic.encode()
    place = stream_id.bytes + taken.originator_version.to_bytes(8, "big", signed=True)
    state = hashlib.sha256(topic).digest() + hashlib.sha256(taken.state).digest()
    return hmac.digest(key, LABEL + place + state + event_hash, "sha256")


def fault(key: bytes, taken: StoredEvent, mac: bytes | None, event_hash: bytes | None) -> str | None:
    """Why the snapshot does not count; None when it does."""
    if event_hash is None:
        return "the log has no event of this version"
    if mac is None:
        return "it is not authenticated"
    if not hmac.compare_digest(mac, code(key, taken, event_hash)):
        return "it is forged, altered, or of another event"
    return None
