"""One embedded PostgreSQL for the whole run; a database of its own for each test that asks for one."""

import asyncio
import contextlib
import gc
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import hypothesis
import pytest

from api.schema import bring_up_to_date
from postgres.embedded import EmbeddedPostgres

pytest.register_assert_rewrite("tests.support.open_pages", "tests.support.oracle")  # a difference is shown as well

hypothesis.settings.register_profile(  # a busy machine is no failure
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")

TEMPLATE = "onrecord_template"
UNSAFE_BUT_QUICK = {"fsync": "off", "full_page_writes": "off", "max_connections": "300", "max_wal_size": "128MB"}
MEMORY = Path("/dev/shm")
"""Where Linux keeps files in memory."""
ROOMY = 4 << 30
"""Bytes that are free there, if the server's data are to be there: a container may have very few."""

_numbers = itertools.count(1)

gc.disable()  # while tests are collected: hardly anything of it is garbage


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where files run side by side, those with long tests are first: one that began last would be waited for."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        long = {item.path for item in items if item.get_closest_marker("long")}
        items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish() -> None:
    """What is there now stays. Without this it is looked through again and again: half a second each time."""
    gc.freeze()
    gc.enable()


def database_named(name: str, postgres: EmbeddedPostgres) -> str:
    """The URL of another database on the same server."""
    before, _, after = postgres.dsn.partition("@/")
    return f"{before}@/{name}?{after.partition('?')[2]}"


@contextlib.contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """A folder for an embedded PostgreSQL. Not pytest's own: their paths are too long for a socket."""
    with tempfile.TemporaryDirectory(prefix="onrecord-test-", dir=parent, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def quick_place() -> Path | None:
    """Memory, if there is room. A database is made there in a tenth of a second, on a busy disk in one.

    A server there waits for no disk, and its files survive the death of any process as on a disk.
    """
    is_there = MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
    return MEMORY if is_there and shutil.disk_usage(MEMORY).free >= ROOMY else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A real server. Its data are thrown away, so nothing waits for a disk."""
    with scratch_folder(quick_place()) as folder, EmbeddedPostgres(folder, options=UNSAFE_BUT_QUICK) as server:
        yield server


@pytest.fixture(scope="session")
def template_database(postgres: EmbeddedPostgres) -> str:
    """The name of a database with today's schema and no rows, to be cloned."""

    async def create() -> None:
        server = await asyncpg.connect(postgres.dsn)
        await server.execute(f"CREATE DATABASE {TEMPLATE}")
        await server.close()
        template = await asyncpg.connect(database_named(TEMPLATE, postgres))
        await bring_up_to_date(template)
        await template.close()

    asyncio.run(create())
    return TEMPLATE


@contextlib.asynccontextmanager
async def database_like(template: str, name: str, postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The URL of a copy of `template`, for as long as the block lasts."""
    server = await asyncpg.connect(postgres.dsn)
    await server.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield database_named(name, postgres)
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


@pytest.fixture
async def database_url(postgres: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    """A database with today's schema and no rows, for one test."""
    async with database_like(template_database, f"test_{next(_numbers)}", postgres) as url:
        yield url
