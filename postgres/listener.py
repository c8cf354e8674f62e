"""A LISTEN connection that knows whether it can be relied on."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

import asyncpg

from postgres.connect import connect
from postgres.database import UNAVAILABLE

PING_EVERY_S = 10.0
"""A connection that died silently (a pulled cable) is noticed after this long."""

TIMEOUT_S = 5.0
RETRY_AFTER_S = 1.0

log = logging.getLogger(__name__)


class Listener:
    """Listens to one NOTIFY channel, and reconnects whenever the connection is lost.

    `on_connect` is called each time it starts to listen: notifications from before may have been missed. `on_notify` is
    called with the process id of the session that sent a notification, and its payload. `is_listening` is False while
    there is no connection.
    """

    def __init__(
        self, dsn: str, channel: str, *, on_connect: Callable[[], None], on_notify: Callable[[int, str], None]
    ) -> None:
        self._dsn = dsn
        self._channel = channel
        self._on_connect = on_connect
        self._on_notify = on_notify
        self.is_listening = False

    async def run(self) -> None:
        """Listen until cancelled. What keeps it from that is logged once, not at every attempt."""
        told: str | None = None
        while True:
            reason = "connection lost"
            try:
                async with self._connected() as lost:
                    told = None
                    await lost.wait()
            except (*UNAVAILABLE, asyncpg.PostgresError) as error:
                reason = type(error).__name__
            if reason != told:
                log.warning("not listening", extra={"channel": self._channel, "reason": reason})
                told = reason
            await asyncio.sleep(RETRY_AFTER_S)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncio.Event]:
        """A connection that listens; yields an event that is set when it is lost."""
        connection = await connect(self._dsn, timeout_s=TIMEOUT_S)
        lost = asyncio.Event()

        def on_lost(_: object) -> None:
            self.is_listening = False
            lost.set()

        connection.add_termination_listener(on_lost)
        pings = asyncio.create_task(self._ping(connection))
        try:
            await connection.add_listener(
                self._channel, lambda _, sender, __, payload: self._on_notify(sender, payload)
            )
            self._on_connect()
            self.is_listening = True
            yield lost
        finally:
            self.is_listening = False
            pings.cancel()
            connection.terminate()

    async def _ping(self, connection: asyncpg.Connection) -> None:
        """Query the server now and then, and end a connection that does not reply, which sets `lost`."""
        while not connection.is_closed():
            await asyncio.sleep(PING_EVERY_S)
            try:
                await connection.fetchval("SELECT 1", timeout=TIMEOUT_S)
            except UNAVAILABLE:
                self.is_listening = False
                connection.terminate()
