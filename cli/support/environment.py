"""What commands run on: settings, a database with today's schema, and the chat core."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import msgspec

from api import schema, wiring
from api.accounts.accounts import Accounts
from api.core import Core
from api.settings import Settings
from postgres.database import unavailable_is_one_error
from postgres.embedded import EmbeddedPostgres
from postgres.functions import FunctionFile
from postgres.migrations import Migration
from postgres.supervisor import Supervisor


@contextlib.contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """Settings with the URL of a running database: the one they name, or the embedded one, kept running meanwhile."""
    if not settings.embedded:
        yield settings
        return
    with EmbeddedPostgres(Path(settings.data_dir)) as postgres, Supervisor(postgres):
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
    """The core and the accounts, for a command that does one thing and ends."""
    async with wiring.open_core(settings) as core:
        with wiring.open_accounts(settings, core.database) as (accounts, _):
            yield core, accounts
