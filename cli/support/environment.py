"""What every command needs: settings, a database with today's schema, and the chat core on it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import msgspec

from api import schema
from api.accounts.accounts import Accounts
from api.accounts.passwords import Passwords
from api.accounts.throttle import Throttle
from api.core import Core, open_core
from api.settings import Settings
from postgres.database import unavailable_is_one_error
from postgres.embedded import EmbeddedPostgres
from postgres.functions import FunctionFile
from postgres.migrations import Migration


@contextlib.contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """Settings with the URL of a running database: the one they name, or the embedded one, started if need be."""
    if not settings.embedded:
        yield settings
        return
    with EmbeddedPostgres(Path(settings.data_dir)) as postgres:
        demo = "yes" if settings.seeds_demo else "no"  # `auto` means: with this database
        yield msgspec.structs.replace(settings, database_url=postgres.dsn, demo=demo)


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
    """The core and the accounts, for a command that does one thing and ends. Nobody's logins are throttled here."""
    passwords = Passwords(threads=settings.password_threads)
    unlimited: Throttle[str] = Throttle(rate=1e9, burst=10**9)
    async with open_core(settings) as core:
        try:
            yield core, Accounts(core.database, passwords, by_account=unlimited, by_address=unlimited)
        finally:
            passwords.close()
