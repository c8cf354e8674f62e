"""The table of idempotency keys. `record_events` in append.sql adds them, together with the events they stand for."""

import hmac
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

import asyncpg

from postgres.database import Database
from postgres.errors import StoreUnavailable

READ = """
SELECT owner, key, used.*
FROM unnest($1::bigint[], $2::text[]) AS asked (owner, key) CROSS JOIN LATERAL (
    SELECT fingerprint, originator_id, originator_version FROM idempotency_keys AS used
    WHERE used.owner = asked.owner AND used.key = asked.key LIMIT 1
) AS used
"""
REMOVE_OLD = """
DELETE FROM idempotency_keys WHERE (owner, key) IN (
    SELECT owner, key FROM idempotency_keys WHERE recorded_at < now() - $1 * interval '1 second'
    ORDER BY recorded_at LIMIT $2)
"""
SLICE = 5000
"""Keys that one statement deletes: a fraction of the time that a statement has, also on a slow disk."""
BARE_BYTES = 32
"""Of a fingerprint without a key, as releases before stored it."""


class Fingerprints:
    """Fingerprints of commands as the table has them: keyed, since a bare hash lets everyone who reads it try guesses.

    Without a key they stay bare, in a process that has no secret of the service. A keyed one begins with four bytes
    that say which key made it.
    """

    def __init__(self, key: bytes | None) -> None:
        self._key = key
        self._name = sha256(b"onrecord/fingerprints" + key).digest()[:4] if key is not None else b""

    def stored(self, fingerprint: bytes) -> bytes:
        """What to store for a command's fingerprint."""
        if self._key is None:
            return fingerprint
        return self._name + hmac.digest(self._key, fingerprint, "sha256")

    def is_of(self, fingerprint: bytes, stored: bytes) -> bool:
        """Whether `stored` is of this fingerprint. One that another secret made cannot be compared, and counts as such:
        a command that is repeated after a change of the secret is answered with what it recorded.
        """
        if len(stored) == BARE_BYTES:
            return hmac.compare_digest(stored, fingerprint)
        if self._key is None or not stored.startswith(self._name):
            return True
        return hmac.compare_digest(stored, self.stored(fingerprint))


async def read_keys(owners: Sequence[int], keys: Sequence[str], connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Those of the given keys that were used before: their commands' fingerprints, and where the events are."""
    return list(await connection.fetch(READ, owners, keys))


async def remove_old_keys(database: Database, *, keep_s: float) -> None:
    """Delete the keys that were recorded more than `keep_s` seconds ago, slice by slice.

    A slice that the database refuses for taking too long is tried again at half its size.
    """
    size = SLICE
    while True:
        try:
            removed = int((await database.execute(REMOVE_OLD, keep_s, size)).rpartition(" ")[2])
        except StoreUnavailable as error:
            if size == 1 or not isinstance(error.__cause__, TimeoutError | asyncpg.QueryCanceledError):
                raise
            size //= 2
            continue
        if removed < size:
            return


async def remove_of(connection: asyncpg.Connection, owner: int) -> None:
    """Delete the keys of one owner."""
    await connection.execute("DELETE FROM idempotency_keys WHERE owner = $1", owner)


REMOVE_FOR = """
DELETE FROM idempotency_keys USING unnest($1::uuid[], $2::bigint[]) AS gone (stream, version)
WHERE originator_id = gone.stream AND originator_version = gone.version
"""


async def remove_for(places: Sequence[tuple[UUID, int]], connection: asyncpg.Connection) -> None:
    """Delete the keys of the commands that recorded the events at these places: clients choose keys, and may write
    anything into them.
    """
    await connection.execute(REMOVE_FOR, [stream for stream, _ in places], [version for _, version in places])
