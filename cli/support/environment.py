"""What commands run on: settings, a database with today's schema, and the chat core."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import asyncpg
import click
import msgspec

from api import schema, wiring
from api.accounts.accounts import Accounts
from api.core import Core
from api.settings import Settings
from postgres.connect import refuse_shared_sessions
from postgres.database import unavailable_is_one_error
from postgres.embedded import EmbeddedPostgres
from postgres.functions import FunctionFile
from postgres.migrations import Migration
from postgres.supervisor import Supervisor


@contextlib.contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """Settings with the URL of a running database: the one they name, or the embedded one, kept running meanwhile.

    For the commands that may create one: `serve`, `demo`, `db init`, `db restore`. Others use `existing_database`.
    """
    with _running_database(settings, creates=True) as running:
        yield running


@contextlib.contextmanager
def existing_database(settings: Settings) -> Iterator[Settings]:
    """As `database`, for all other commands: refused unless it exists and has our schema.

    At the end, standard error says which database that was; after an error, it shows only the error.
    """
    with _running_database(settings, creates=False) as running:
        if not asyncio.run(_has_schema(running)):
            raise click.ClickException(f"{location(settings)} has no log: run `onrecord db init` first")
        try:
            yield running
        except click.exceptions.Exit:
            say_location(settings)
            raise
        say_location(settings)


@contextlib.contextmanager
def _running_database(settings: Settings, *, creates: bool) -> Iterator[Settings]:
    if not settings.embedded:
        asyncio.run(_refuse_shared_sessions(settings))
        yield settings
        return
    with EmbeddedPostgres(Path(settings.data_dir), creates=creates) as postgres, Supervisor(postgres):
        demo = "yes" if settings.seeds_demo else "no"  # `auto` means: with this database
        yield msgspec.structs.replace(settings, database_url=postgres.dsn, demo=demo)


def location(settings: Settings) -> str:
    """Where the data is: a folder, or a URL without its credentials."""
    if settings.embedded:
        return str(Path(settings.data_dir).resolve())
    url = urlsplit(settings.database_url)
    if not url.netloc.rpartition("@")[2]:  # a socket, whose folder is an option
        return f"{url.scheme}://{url.path}?host={dict(parse_qsl(url.query)).get('host', '')}"
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"


def say_location(settings: Settings) -> None:
    """Say on standard error which database a command worked on: pipes do not get it."""
    click.echo(f"database: {location(settings)}", err=True)


async def _refuse_shared_sessions(settings: Settings) -> None:
    with unavailable_is_one_error():
        await refuse_shared_sessions(settings.database_url, timeout_s=settings.database_timeout_s)


async def _has_schema(settings: Settings) -> bool:
    with unavailable_is_one_error():
        connection = await asyncpg.connect(settings.database_url, timeout=settings.database_timeout_s)
        try:
            return bool(await connection.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL"))
        finally:
            await connection.close()


def bring_up_to_date(settings: Settings) -> list[Migration | FunctionFile]:
    """Apply what the database lacks of today's schema, and return it. Raises MigrationError."""

    async def apply() -> list[Migration | FunctionFile]:
        with unavailable_is_one_error():
            connection = await asyncpg.connect(settings.database_url, timeout=settings.database_timeout_s)
            try:
                return await schema.bring_up_to_date(connection)
            finally:
                await connection.close()

    return asyncio.run(apply())


@contextlib.asynccontextmanager
async def chat_core(settings: Settings) -> AsyncIterator[tuple[Core, Accounts]]:
    """The core and the accounts, for a command that does one thing and ends."""
    async with wiring.open_core(settings) as core:
        with wiring.open_accounts(settings, core.database) as (accounts, _):
            yield core, accounts
