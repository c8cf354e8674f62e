"""Rebuild: fold the log from the start into fresh tables beside live traffic, then put them in the place of the old."""

import asyncio
import hashlib
import inspect
import time
from dataclasses import dataclass

import asyncpg

from eventstore.database import SESSION, unavailable_is_one_error
from eventstore.log import Log
from replay.errors import AlreadyRunning, SwapBlocked
from replay.fold import Folding, Observer
from replay.models import ReadModel
from replay.shadow import LIVE, Shadow

REMAINDER = 1000
"""Events that may be left to fold when the writers are asked to wait."""

ATTEMPTS = 50
PATIENCE_MS = 100
"""How long readers are kept waiting for one that has not finished. Then they get their turn, and it is tried again."""

LOCK_CLASS = 0x6F6E7270  # "onrp": the first half of the advisory lock of a rebuild; the second names the read model
TRY_LOCK = "SELECT pg_try_advisory_lock($1, hashtext($2))"
HOLDER = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = $1::bigint::oid
    AND objid::bigint = hashtext($2)::bigint & 4294967295
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

FINGERPRINT = "SELECT obj_description(to_regnamespace($1)::oid, 'pg_namespace')"
MIGRATIONS = "SELECT string_agg(sha256, ',' ORDER BY number) FROM schema_migrations"
READERS = """
SELECT pid, application_name, now() - xact_start AS age FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND pid IN (SELECT pid FROM pg_locks WHERE relation = ANY($1::regclass[]))
ORDER BY xact_start LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Swapped:
    """The end of a rebuild: events folded while others waited, the position reached, and how long they waited."""

    events: int
    position: int
    pause_s: float


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did: `position` is what the new tables show, `resumed_at` where it found an interrupted one (0:
    nowhere), `pause_s` for how long writers and readers waited at most."""

    events: int
    position: int
    resumed_at: int
    pause_s: float


def schema_of(model: ReadModel) -> str:
    """Where the fresh tables are until they are complete."""
    return f"rebuild_{model.name}"


async def rebuild(dsn: str, model: ReadModel, log: Log, observe: Observer) -> Rebuilt:
    """Fold `model` from position 0 and swap the fresh tables in. Readers and writers go on, nothing is published.

    Ended at any point before the swap, the live tables are as they were, and the next call goes on where this one
    was. Raises AlreadyRunning, SwapBlocked, StoreUnavailable.
    """
    with unavailable_is_one_error():
        reader = await asyncpg.connect(dsn, server_settings=SESSION)
    try:
        async with Shadow.connect(dsn, model, schema_of(model)) as shadow:
            return await Rebuild(shadow, log, observe).run(reader)
    finally:
        reader.terminate()


class Rebuild:
    """One rebuild, over the connection that holds its lock."""

    def __init__(self, shadow: Shadow, log: Log, observe: Observer) -> None:
        self._shadow = shadow
        self._connection = shadow.connection
        self._log = log
        self._folding = Folding(shadow, log, observe)

    async def run(self, reader: asyncpg.Connection) -> Rebuilt:
        await self._hold()
        resumed_at = await self._prepare()
        head = await self._log.last_position(connection=reader)
        await self._folding.to(head, reader)
        await self._shadow.analyze()
        while (now := await self._log.last_position(connection=reader)) - head > REMAINDER:
            head = now
            await self._folding.to(head, reader)
        swapped = await self._swap()
        await self._connection.execute(f"DROP SCHEMA {self._replaced}, {self._shadow.schema} CASCADE")
        return Rebuilt(self._folding.events + swapped.events, swapped.position, resumed_at, swapped.pause_s)

    @property
    def _replaced(self) -> str:
        """Where the old tables go."""
        return f"replaced_{self._shadow.model.name}"

    async def _hold(self) -> None:
        name = self._shadow.model.name
        if not await self._connection.fetchval(TRY_LOCK, LOCK_CLASS, name):
            pid = await self._connection.fetchval(HOLDER, LOCK_CLASS, name)
            raise AlreadyRunning(f"{name} is being rebuilt already (database process {pid})")

    async def _prepare(self) -> int:
        """Make empty tables, or find those of an interrupted rebuild by the same program; answers their checkpoint."""
        schema = self._shadow.schema
        wanted = await self._fingerprint()
        if await self._connection.fetchval(FINGERPRINT, schema) == wanted:
            return await self._shadow.checkpoint()
        async with self._connection.transaction():
            await self._connection.execute(f"DROP SCHEMA IF EXISTS {self._replaced}, {schema} CASCADE")
            await self._connection.execute(f"CREATE SCHEMA {schema}")
            await self._shadow.create()
            await self._connection.execute(f"COMMENT ON SCHEMA {schema} IS '{wanted}'")
        return 0

    async def _fingerprint(self) -> str:
        """Of all that the rows depend on beside the log: another fold or another schema begins from 0 again."""
        fold = inspect.getsource(inspect.getmodule(type(self._shadow.model.projection)))  # type: ignore[arg-type]
        migrations = await self._connection.fetchval(MIGRATIONS)
        return hashlib.sha256(f"{fold}{migrations}".encode()).hexdigest()

    async def _swap(self) -> Swapped:
        """Put the fresh tables in, between two readers."""
        for attempt in range(ATTEMPTS):
            try:
                return await self._try_to_swap()
            except asyncpg.LockNotAvailableError:
                await asyncio.sleep(PATIENCE_MS / 1000 * min(10, attempt + 1))
        raise SwapBlocked(await self._who_blocks())

    async def _try_to_swap(self) -> Swapped:
        live = [f"{LIVE}.{table.name}" for table in self._shadow.model.tables]
        async with self._connection.transaction():
            await self._connection.execute("SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = '5s'")
            await self._connection.execute("LOCK TABLE stored_events IN EXCLUSIVE MODE")
            started = time.perf_counter()
            head = await self._log.last_position(connection=self._connection)
            events = await self._folding.the_rest(head)
            await self._connection.execute(f"SET LOCAL lock_timeout = '{PATIENCE_MS}ms'")
            await self._connection.execute(f"LOCK TABLE {', '.join(live)} IN ACCESS EXCLUSIVE MODE")
            await self._connection.execute(f"CREATE SCHEMA {self._replaced}")
            for table in self._shadow.model.tables:
                await self._connection.execute(f"ALTER TABLE {LIVE}.{table.name} SET SCHEMA {self._replaced}")
                await self._connection.execute(f"ALTER TABLE {self._shadow.schema}.{table.name} SET SCHEMA {LIVE}")
            await self._connection.execute(
                f"INSERT INTO {LIVE}.checkpoints SELECT * FROM {self._shadow.schema}.checkpoints"
                " ON CONFLICT (projection) DO UPDATE SET position = excluded.position"
            )
        return Swapped(events, head, time.perf_counter() - started)

    async def _who_blocks(self) -> str:
        tables = [f"{LIVE}.{table.name}" for table in self._shadow.model.tables]
        row = await self._connection.fetchrow(READERS, tables)
        who = f"database process {row['pid']} ({row['application_name']}), {row['age']} old" if row else "a reader"
        return f"{who} holds the old tables; the fresh ones are ready: end it and repeat the command"
