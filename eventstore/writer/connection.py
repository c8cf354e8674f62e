"""The writer's own connection to the database: opened when needed, dropped when in doubt."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping

import asyncpg

from eventstore.errors import NewerFold, OutcomeUnknown, UnreadableEvent
from postgres.connect import SESSION, connect
from postgres.database import UNAVAILABLE, reason_of
from postgres.errors import StoreUnavailable

log = logging.getLogger(__name__)


class WriterConnection:
    """One connection for one transaction at a time, each within `timeout_s`, with the settings `session`."""

    def __init__(self, dsn: str, session: Mapping[str, str], *, timeout_s: float) -> None:
        self._dsn = dsn
        self._settings = session
        self._timeout_s = timeout_s
        self._connection: asyncpg.Connection | None = None
        self.is_available = False
        """Whether the last transaction reached the database."""
        self.stopped_by: str | None = None
        """The event that the last transaction could not get past, and why."""

    @property
    def is_open(self) -> bool:
        """Whether there is a connection. It may have died unnoticed."""
        return self._connection is not None

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """The connection, for a block that takes a transaction to its end.

        An error ends the transaction. Raises StoreUnavailable when it means that the database is away (nothing was
        recorded then), and otherwise passes it on.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                yield await self._connected()
        except BaseException as error:
            await self._give_up(error)
            raise
        self.is_available, self.stopped_by = True, None

    def close(self) -> None:
        """Drop the connection at once. What is not committed is rolled back; a server that hangs is not waited for."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(
                self._dsn, self._session(), timeout_s=self._timeout_s, command_timeout_s=self._timeout_s
            )
        return self._connection

    def _session(self) -> dict[str, str]:
        """A process that hangs while it holds the lock must not block the others for longer than a transaction takes.

        Statements are planned once for any number of rows: with a plan for each batch they take three times as long.
        They look up single rows, and a plan from when a table was empty must not read it whole for them later.
        """
        timeout_ms = str(int(self._timeout_s * 1000))
        return {
            **SESSION,
            **self._settings,
            "lock_timeout": timeout_ms,
            "idle_in_transaction_session_timeout": timeout_ms,
            "plan_cache_mode": "force_generic_plan",
            "enable_seqscan": "off",
            "enable_hashjoin": "off",
            "enable_mergejoin": "off",
        }

    async def _give_up(self, error: BaseException) -> None:
        if isinstance(error, NewerFold) or getattr(error, "sqlstate", None) == NewerFold.SQLSTATE:
            if self.stopped_by != str(error):
                log.error("stopped: a newer program folds here", extra={"reason": str(error)})
            self.stopped_by = str(error)
            await self._roll_back()
            raise NewerFold(str(error)) from error
        if not isinstance(error, (*UNAVAILABLE, OutcomeUnknown)):
            self.stopped_by = str(error) if isinstance(error, UnreadableEvent) else None
            await self._roll_back()
            return
        self.is_available = False
        self.close()
        if not isinstance(error, OutcomeUnknown):
            raise StoreUnavailable(reason_of(error)) from error

    async def _roll_back(self) -> None:
        try:
            if self._connection is not None:
                await self._connection.execute("ROLLBACK")
        except (Exception, asyncio.CancelledError):
            self.close()
