"""The whole application over real HTTP on loopback."""

import asyncio
import itertools
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import asyncpg
import msgspec
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from argon2 import PasswordHasher

from api.accounts import passwords
from api.app import create_app
from api.schema import bring_up_to_date
from api.settings import Settings
from postgres.embedded import EmbeddedPostgres
from tests.conftest import UNSAFE_BUT_QUICK, database_like, quick_place, scratch_folder
from tests.support.compiled_templates import CompiledTemplates
from tests.support.killable_processes import own_postgres_in
from tests.support.people import Person
from tests.support.store import Store, open_store

StartServer = Callable[..., Awaitable[TestServer]]
Visit = Callable[..., Awaitable[Person]]
TEMPLATES = CompiledTemplates()
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""The same function at its least cost. At the real cost, hashes were a fifth of the CPU of a test with one person."""


POOL = 3
"""Connections of a server: each new one plans all of its statements again."""

_numbers = itertools.count(1)


def create_test_server(settings: Settings) -> TestServer:
    """The application, not started yet."""
    app = create_app(settings)
    aiohttp_jinja2.get_env(app).bytecode_cache = TEMPLATES
    return TestServer(app, host="127.0.0.1")


@pytest.fixture(autouse=True)
def hash_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost little in this process, except in the tests of accounts. Other processes pay in full."""
    monkeypatch.setattr(passwords, "HASHER", CHEAP)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """What a test's servers run with."""
    return Settings(database_url=database_url, data_dir=str(tmp_path), log_level="warning", database_pool=POOL)


@pytest.fixture
async def start_server(settings: Settings) -> AsyncIterator[StartServer]:
    """Starts an application on the test's database: several are as several processes. Takes settings by name."""
    async with AsyncExitStack() as running:

        async def start(**changes: Any) -> TestServer:
            server = create_test_server(msgspec.structs.replace(settings, **changes))
            await server.start_server(access_log=None, auto_decompress=False)
            running.push_async_callback(server.close)
            return server

        yield start


@pytest.fixture
async def server(start_server: StartServer) -> TestServer:
    """The application, running."""
    return await start_server()


@pytest.fixture
async def visit(server: TestServer) -> AsyncIterator[Visit]:
    """`await visit("ada")` signs up and logs in as ada; `await visit()` is a visitor without an account."""
    async with AsyncExitStack() as visitors:

        async def enter(username: str | None = None, *, at: TestServer = server) -> Person:
            person = await visitors.enter_async_context(Person(at.make_url("/")))
            await (person.sign_up(username) if username else person.get_csrf())
            return person

        yield enter


@pytest.fixture
async def ada(visit: Visit) -> Person:
    return await visit("ada")


@pytest.fixture
async def bob(visit: Visit) -> Person:
    return await visit("bob")


@pytest.fixture
async def admin(visit: Visit, database_url: str) -> Person:
    """Grace, who is an admin."""
    grace = await visit("grace")
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE users SET role = 'admin' WHERE user_id = $1", grace.user["id"])
    await connection.close()
    await grace.log_in("grace")
    return grace


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    postgres: EmbeddedPostgres, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TestServer]:
    """One application with one database for all tests of a file, which say `loop_scope="module"` and share the log.

    For tests that look at nothing but what their own people did: they bring them in as `person`.
    """
    folder = tmp_path_factory.mktemp("service")
    async with database_like(template_database, f"service_{next(_numbers)}", postgres) as url:
        server = create_test_server(
            Settings(database_url=url, data_dir=str(folder), log_level="warning", database_pool=POOL)
        )
        await server.start_server(access_log=None, auto_decompress=False)
        yield server
        await server.close()


@pytest_asyncio.fixture(loop_scope="module")
async def person(service: TestServer) -> AsyncIterator[Visit]:
    """`await person("ada")` signs up at the `service` of the file, with a name that begins like this, and logs in;
    `await person()` is a visitor without an account.
    """
    async with AsyncExitStack() as visitors:

        async def enter(name: str | None = None) -> Person:
            someone = await visitors.enter_async_context(Person(service.make_url("/")))
            await (someone.sign_up(f"{name}-{next(_numbers)}") if name else someone.get_csrf())
            return someone

        yield enter


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """The chat core without HTTP, on the test's database."""
    async with open_store(database_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def stopped_cluster() -> Iterator[Path]:
    """The files of an embedded PostgreSQL with today's schema, which does not run."""

    async def bring(dsn: str) -> None:
        connection = await asyncpg.connect(dsn)
        await bring_up_to_date(connection)
        await connection.close()

    with scratch_folder(quick_place()) as folder:
        with EmbeddedPostgres(folder, options=UNSAFE_BUT_QUICK) as server:
            asyncio.run(bring(server.dsn))
        yield folder / "postgres"


@pytest.fixture
def postgres_folder(stopped_cluster: Path) -> Iterator[Path]:
    """Where `own_postgres` keeps its data. They are there already: to make them takes a second of processor time."""
    with scratch_folder(quick_place()) as folder:
        subprocess.run(["cp", "-a", stopped_cluster, folder], check=True)  # with the owner, who may not be ours
        yield folder


@pytest.fixture
async def own_postgres(postgres_folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A server of the test's own, durable as in production, that may be stopped and started."""
    async with own_postgres_in(postgres_folder) as server:
        yield server
