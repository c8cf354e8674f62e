"""Advisory locks: locks that PostgreSQL keeps for two numbers, without a table. Every number that we use is
here, except that of the append lock, which only SQL takes (eventstore/append_only.sql).

A connection holds a lock until it releases it or ends, so the locks of a process that dies are free at once.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg

HOLDERS = """
FROM pg_locks
WHERE locktype = 'advisory' AND granted AND mode = $3 AND classid = $1::bigint::oid AND objid = $2::bigint::oid
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
HOLDER_NAMES = """
SELECT application_name
FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND classid = $1::bigint::oid AND objid = $2::bigint::oid
    AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY backend_start
"""
EXCLUSIVE, SHARED = "ExclusiveLock", "ShareLock"

SCHEMA_KEY = 0x6F6E7265636F7264  # "onrecord"


@contextlib.asynccontextmanager
async def schema_lock(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Wait for the lock that a process holds while it brings the schema up to date. Its key is a single number."""
    await connection.execute("SELECT pg_advisory_lock($1)", SCHEMA_KEY)
    try:
        yield
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", SCHEMA_KEY)


async def try_schema_lock_for_transaction(connection: asyncpg.Connection) -> bool:
    """Take it until the caller's transaction ends, unless another connection has it."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", SCHEMA_KEY))


@dataclass(frozen=True, slots=True)
class AdvisoryLock:
    """One lock. `group` says what it is for, `number` which of them it is."""

    group: int
    number: int

    async def try_take(self, connection: asyncpg.Connection) -> bool:
        """Take it for as long as `connection` lives, unless another connection has it."""
        return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", self.group, self.number))

    async def try_take_for_transaction(self, connection: asyncpg.Connection) -> bool:
        """Take it until the caller's transaction ends, unless another connection has it."""
        return bool(await connection.fetchval("SELECT pg_try_advisory_xact_lock($1, $2)", self.group, self.number))

    async def take_for_transaction(self, connection: asyncpg.Connection) -> None:
        """Wait for it, and hold it until the caller's transaction ends."""
        await connection.fetchval("SELECT pg_advisory_xact_lock($1, $2)", self.group, self.number)

    async def release(self, connection: asyncpg.Connection) -> None:
        """Let others have it."""
        await connection.fetchval("SELECT pg_advisory_unlock($1, $2)", self.group, self.number)

    @contextlib.asynccontextmanager
    async def held(self, connection: asyncpg.Connection) -> AsyncIterator[None]:
        """Wait for it, and hold it during the block."""
        await connection.fetchval("SELECT pg_advisory_lock($1, $2)", self.group, self.number)
        try:
            yield
        finally:
            await self.release(connection)

    async def share(self, connection: asyncpg.Connection) -> None:
        """Hold it together with others, for as long as `connection` lives."""
        await connection.fetchval("SELECT pg_advisory_lock_shared($1, $2)", self.group, self.number)

    async def try_share(self, connection: asyncpg.Connection) -> bool:
        """Hold it together with others, for as long as `connection` lives, unless another connection has it alone."""
        return bool(await connection.fetchval("SELECT pg_try_advisory_lock_shared($1, $2)", self.group, self.number))

    async def holders(self, connection: asyncpg.Connection) -> list[str]:
        """The application names of the connections that have it alone or share it."""
        rows = await connection.fetch(HOLDER_NAMES, self.group, self.number)
        return [row["application_name"] for row in rows]

    async def is_taken(self, connection: asyncpg.Connection) -> bool:
        """Whether a connection has it alone."""
        return bool(await connection.fetchval(f"SELECT count(*) {HOLDERS}", self.group, self.number, EXCLUSIVE))

    async def count_shared(self, connection: asyncpg.Connection) -> int:
        """How many connections share it."""
        return int(await connection.fetchval(f"SELECT count(*) {HOLDERS}", self.group, self.number, SHARED))

    async def end_holder(self, connection: asyncpg.Connection) -> bool:
        """End the connection that has it alone; returns whether there was one."""
        ended = await connection.fetch(
            f"SELECT pg_terminate_backend(pid) {HOLDERS}", self.group, self.number, EXCLUSIVE
        )
        return bool(ended)


REBUILD = AdvisoryLock(0x6F6E7262, 0)
"""Held by a rebuild of the read models while it runs."""

SCRUB = AdvisoryLock(0x6F6E7266, 0)
"""Held by a scrub of the database's files while it runs."""

DISPOSITION = AdvisoryLock(0x6F6E7265, 0)
"""Held by the process that erases what rules and requests say, while it does."""

AUDIT_TREE = AdvisoryLock(0x6F6E7267, 0)
"""Held by the process that adds leaves to the tree and signs it, while it does, and by commands that change who signs
or what.
"""

VERIFICATION = AdvisoryLock(0x6F6E7269, 0)
"""Held by the process that verifies the whole record, while it does."""

SEARCH_INDEX = AdvisoryLock(0x6F6E7268, 0)
"""Held by the transaction that adds to the index of what was said."""

_LANES = 0x6F6E7263
NUMBER_OF_LANES = AdvisoryLock(_LANES, 2**31 - 2)
"""Held by the process that changes the number of lanes. Beyond the number of any lane."""
PUBLISHING = AdvisoryLock(_LANES, 2**31 - 1)
"""Shared by all processes that publish, so that they can count each other."""

REALTIME_SERVER = AdvisoryLock(0x6F6E7264, 0)
"""Held alone by a server with an embedded hub, shared by those with a Centrifugo: their browsers hear the same."""


def lane(number: int) -> AdvisoryLock:
    """Held by the process that publishes this lane."""
    return AdvisoryLock(_LANES, number)
