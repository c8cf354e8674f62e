"""A long check is cut into slices, so that no transaction stays open for long and others have their turn."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import asyncpg

from postgres.database import Database

OpenSlice = Callable[[], AbstractAsyncContextManager[asyncpg.Connection]]
"""Opens a transaction that sees one snapshot, for one slice of the work."""


class Slices:
    """Slices on a database. With `rests`, each is followed by a pause as long as the work since the one before it."""

    def __init__(self, database: Database, *, rests: bool) -> None:
        self._database = database
        self._rests = rests
        self._began_at = time.monotonic()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[asyncpg.Connection]:
        """A transaction that reads one snapshot. Raises StoreUnavailable."""
        async with (
            self._database.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection
        await self.rest()

    async def rest(self) -> None:
        """Pause as long as the work since the last pause took."""
        if self._rests:
            await asyncio.sleep(time.monotonic() - self._began_at)
            self._began_at = time.monotonic()
