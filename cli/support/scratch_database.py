"""A database for the length of a command, for what a standby does not let it do in place."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg

from api.schema import bring_up_to_date
from postgres.embedded import EmbeddedPostgres

FAST = {"fsync": "off", "full_page_writes": "off"}
"""Nothing in it has to survive."""


@contextlib.asynccontextmanager
async def scratch_database() -> AsyncIterator[str]:
    """The URL of an embedded PostgreSQL with today's schema in the temporary directory, removed at the end.

    Raises EmbeddedPostgresError.
    """
    with tempfile.TemporaryDirectory(prefix="onrecord-scratch-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder), options=FAST)
        await asyncio.to_thread(server.start)
        try:
            connection = await asyncpg.connect(server.dsn)
            await bring_up_to_date(connection)
            await connection.close()
            yield server.dsn
        finally:
            await asyncio.to_thread(server.stop)
