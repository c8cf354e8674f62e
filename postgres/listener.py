"""A LISTEN connection that says whether it can be trusted."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

import asyncpg

from postgres.database import SESSION, UNAVAILABLE

PING_EVERY_S = 10.0
"""A connection that died without a word (a pulled cable) is noticed after this long."""

TIMEOUT_S = 5.0
RETRY_AFTER_S = 1.0

log = logging.getLogger(__name__)


class Announcements:
    """Hears what other processes NOTIFY on one channel, and reconnects for ever.

    `begin` runs whenever hearing begins (again): what was announced before that may have been missed. Between the loss
    of the connection and the next `begin`, `is_listening` is False.
    """

    def __init__(self, dsn: str, channel: str, *, begin: Callable[[], None], hear: Callable[[str], None]) -> None:
        self._dsn = dsn
        self._channel = channel
        self._begin = begin
        self._hear = hear
        self.is_listening = False

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            reason = "connection lost"
            try:
                async with self._connected() as lost:
                    await lost.wait()
            except (*UNAVAILABLE, asyncpg.PostgresError) as error:
                reason = type(error).__name__
            log.warning("announcements not heard", extra={"channel": self._channel, "reason": reason})
            await asyncio.sleep(RETRY_AFTER_S)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncio.Event]:
        connection = await asyncpg.connect(self._dsn, timeout=TIMEOUT_S, server_settings=SESSION)
        lost = asyncio.Event()

        def lose(_: object) -> None:
            self.is_listening = False
            lost.set()

        connection.add_termination_listener(lose)
        pings = asyncio.create_task(self._ping(connection))
        try:
            await connection.add_listener(self._channel, lambda *heard: self._hear(str(heard[-1])))
            self._begin()
            self.is_listening = True
            yield lost
        finally:
            self.is_listening = False
            pings.cancel()
            connection.terminate()

    async def _ping(self, connection: asyncpg.Connection) -> None:
        """Ask for a sign of life; without one, end the connection, which wakes the one who waits for `lost`."""
        while not connection.is_closed():
            await asyncio.sleep(PING_EVERY_S)
            try:
                await connection.fetchval("SELECT 1", timeout=TIMEOUT_S)
            except UNAVAILABLE:
                self.is_listening = False
                connection.terminate()
