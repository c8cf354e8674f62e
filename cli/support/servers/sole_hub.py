"""Keeps servers away from a database whose lanes they cannot share, wherever they run.

A lane is published by one process, to the real-time server of that process. Where servers have different ones, the
browsers of each miss what the others publish. So a server with an embedded hub is the only one on its database, and
those with a Centrifugo share the database with one another. (Several Centrifugo nodes can be one server, so their
addresses say nothing.)
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator, Sequence
from typing import NoReturn

import asyncpg
import click

from api.settings import Settings
from postgres.connect import SESSION, connect
from postgres.database import UNAVAILABLE, unavailable_is_one_error
from postgres.locks import REALTIME_SERVER

LOOK_S = 1.0
"""How often a server looks whether it still has its place."""

PATIENCE_S = 3.0
"""How long a server that starts waits for one that is just ending."""

SESSION_TIMEOUT_S = 30
"""After this time without a word, PostgreSQL ends the session of a server: it hangs, or its machine lost power."""

TIMEOUT_S = 5.0

LONGEST_NAME = 63
"""PostgreSQL cuts what is longer."""


class RealtimePlace:
    """The place of this process among the servers of a database, held by a connection of its own."""

    def __init__(self, dsn: str, *, alone: bool) -> None:
        self._dsn = dsn
        self._try_take = REALTIME_SERVER.try_take if alone else REALTIME_SERVER.try_share
        self._name = f"process {os.getpid()} on {socket.gethostname()}"[:LONGEST_NAME]
        self._connection: asyncpg.Connection | None = None
        self._is_held = False

    async def take(self) -> None:
        """Take the place, within `PATIENCE_S`. Raises ClickException with a line that names who is in the way."""
        deadline = time.monotonic() + PATIENCE_S
        while (holders := await self._attempt()) is not None:
            if time.monotonic() > deadline:
                _refuse(holders)
            await asyncio.sleep(LOOK_S / 5)

    async def keep(self) -> None:
        """Until cancelled. After an interruption the place may be another server's: raises ClickException."""
        held_at = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_S)
            with contextlib.suppress(*UNAVAILABLE):
                holders = await self._attempt()
                if holders is None:
                    held_at = time.monotonic()
                # A session of our own that broke may outlive the connection; then it has our name.
                elif set(holders) - {self._name} or time.monotonic() > held_at + 2 * SESSION_TIMEOUT_S:
                    _refuse(holders)

    def leave(self) -> None:
        """Let other servers have it."""
        self._is_held = False
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _attempt(self) -> list[str] | None:
        """Take the place, or see that it is still ours: None; or else the names of those who have it."""
        try:
            if self._connection is None or self._connection.is_closed():
                self._is_held = False
                self._connection = await connect(
                    self._dsn, self._session, timeout_s=TIMEOUT_S, command_timeout_s=TIMEOUT_S
                )
            if self._is_held:
                await self._connection.execute("SELECT 1")
            else:
                self._is_held = await self._try_take(self._connection)
            return None if self._is_held else await REALTIME_SERVER.holders(self._connection)
        except UNAVAILABLE:
            self.leave()
            raise

    @property
    def _session(self) -> dict[str, str]:
        return {
            **SESSION,
            "application_name": self._name,
            "idle_session_timeout": f"{SESSION_TIMEOUT_S}s",
            "tcp_keepalives_idle": "5",
            "tcp_keepalives_interval": "2",
            "tcp_keepalives_count": "3",
        }


def _refuse(holders: Sequence[str]) -> NoReturn:
    named = f" ({', '.join(holders[:3])}{', …' if holders[3:] else ''})" if holders else ""
    raise click.ClickException(
        f"another server runs on this database{named}, and browsers of one would not hear what the other publishes: "
        "stop it, or give all of them one CENTRIFUGO_API_URL"
    )


@contextlib.asynccontextmanager
async def sole_hub(settings: Settings) -> AsyncIterator[RealtimePlace]:
    """For as long as the block lasts, no server starts on this database whose browsers would miss what we publish.

    Raises ClickException where such a server runs; StoreUnavailable.
    """
    place = RealtimePlace(settings.database_url, alone=not settings.centrifugo_api_url)
    try:
        with unavailable_is_one_error():
            await place.take()
        yield place
    finally:
        place.leave()
