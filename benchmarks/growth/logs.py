"""Filled logs, each in a database of its own on one server; `GROWTH_DATA=folder` keeps them for the next run."""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from benchmarks.arrival import new_database
from benchmarks.growth.filling import Size, fill
from benchmarks.server import service
from eventstore.log import LAST_POSITION
from postgres.embedded import EmbeddedPostgres
from tests.support.store import open_store

SIZES = (Size(1_000, 20, 50), Size(10_000, 40, 100), Size(100_000, 200, 500), Size(1_000_000, 2_000, 5_000))
"""The smallest has as much as pages of Ada show."""

WORDS_INDEX = "search_index_tokens_idx"
SIGNED = f"SELECT coalesce((SELECT max(size) FROM audit_checkpoints), 0) >= ({LAST_POSITION})"
"""Whether a checkpoint covers all: a filled log has no gaps between positions."""


@dataclass(frozen=True)
class Filled:
    """A log in its database, and the settings of a service on it: the tree over it is signed, with a key of its own."""

    size: Size
    dsn: str
    anchor: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"AUDIT_KEY": "07" * 32, "AUDIT_ANCHOR": str(self.anchor), "AUDIT_VERIFY_EVERY": "off"}


@contextlib.asynccontextmanager
async def filled(sizes: Sequence[Size]) -> AsyncIterator[list[Filled]]:
    """Logs of these sizes."""
    with _folder() as folder:
        server = EmbeddedPostgres(folder)
        await asyncio.to_thread(server.start)
        try:
            yield [await _filled(server.dsn, size, folder) for size in sizes]
        finally:
            await asyncio.to_thread(server.stop)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    if kept := os.environ.get("GROWTH_DATA"):
        yield Path(kept)
        return
    with tempfile.TemporaryDirectory(prefix="onrecord-bench-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


async def _filled(dsn: str, size: Size, folder: Path) -> Filled:
    name = f"messages_{size.messages}"
    found = Filled(size, urlsplit(dsn)._replace(path=f"/{name}").geturl(), folder / f"{name}.anchor")
    connection = await asyncpg.connect(dsn)
    exists = await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name)
    await connection.close()
    if not exists:
        await new_database(dsn, name)
        began = time.perf_counter()
        await fill(found.dsn, size)
        made = time.perf_counter()
        await _derive(found)
        rest = time.perf_counter() - made
        print(
            f"{size.messages:,} messages in {size.rooms:,} rooms: log and read models in {made - began:.0f} s, "
            f"index for search and tree in {rest:.0f} s",
            flush=True,
        )
    return found


async def _derive(found: Filled) -> None:
    """The index for search, and the tree as far as a checkpoint covers it."""
    connection = await asyncpg.connect(found.dsn)
    definition = await connection.fetchval("SELECT pg_get_indexdef($1::regclass)", WORDS_INDEX)
    await connection.execute(f"DROP INDEX {WORDS_INDEX}")
    async with service(found.dsn, **found.environment), open_store(found.dsn) as store:
        await asyncio.gather(store.search_index.go_on(), _signed(connection))
    # Made at the end, as by a REINDEX.
    await connection.execute("SET maintenance_work_mem = '512MB'")
    await connection.execute(definition)
    await connection.execute("VACUUM (ANALYZE)")
    await connection.close()


async def _signed(connection: asyncpg.Connection) -> None:
    while not await connection.fetchval(SIGNED):  # noqa: ASYNC110 - another process does it
        await asyncio.sleep(0.2)
