"""Processes that are killed without warning and started again at the same address."""

import asyncio
import contextlib
import json
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import asyncpg
from yarl import URL

from api.schema import bring_up_to_date
from postgres.database import UNAVAILABLE
from postgres.embedded import EmbeddedPostgres
from projections.fanout.resize import LanesBusy, change_lanes
from tests.support.conditions import eventually
from tests.support.operator import OPERATOR
from tests.support.realtime import server as realtime
from tests.support.serving import Service, serving

LOUD = {
    **{f"{what}_RATE": "1000000" for what in ("REQUEST", "MESSAGE", "ROOM")},
    **{f"{what}_BURST": "1000000" for what in ("REQUEST", "MESSAGE", "ROOM")},
    "DEMO": "no",
}


class Victim(Protocol):
    """A process or connection that can be killed at any moment."""

    name: str

    async def kill(self) -> None:
        """End it as a crash would."""

    async def start(self) -> None:
        """Bring it back at the address it had; return when it answers."""


class App:
    """One `onrecord serve`."""

    def __init__(self, name: str, environment: dict[str, str]) -> None:
        self.name = name
        self.port = realtime.free_port()
        self.url = URL(f"http://127.0.0.1:{self.port}/")
        self._environment = {**environment, **LOUD, "PORT": str(self.port)}
        self._running = AsyncExitStack()
        self._service: Service | None = None

    async def start(self) -> None:
        """As a supervisor does: when it ends because the database is away, again."""

        async def is_up() -> bool:
            with contextlib.suppress(AssertionError):
                self._service = await self._running.enter_async_context(serving(**self._environment))
                return True
            return False

        await eventually(is_up)

    @property
    def pid(self) -> int:
        assert self._service is not None
        return self._service.process.pid

    @property
    def is_running(self) -> bool:
        return self._service is not None and self._service.process.returncode is None

    def signal(self, number: signal.Signals) -> None:
        if self._service is not None:
            with contextlib.suppress(ProcessLookupError):
                self._service.process.send_signal(number)

    async def kill(self) -> None:
        if self._service is not None:
            await self._service.stop(signal.SIGKILL)
            self._service = None
        await self._running.aclose()
        self._running = AsyncExitStack()


class RealtimeServer:
    """The hub in its own process, or a real Centrifugo if available; it loses its memory when killed."""

    def __init__(self, directory: Path, config: dict[str, object]) -> None:
        kind: realtime.Kind = "centrifugo" if realtime.binary() else "hub"
        self.name: str = kind
        self._server = realtime.Server(kind, directory, config)
        self.url = URL(self._server.websocket_url)
        self.environment = self._server.app_environment

    async def start(self) -> None:
        await asyncio.to_thread(self._server.start)

    def signal(self, number: signal.Signals) -> None:
        self._server.signal(number)

    async def kill(self) -> None:
        await asyncio.to_thread(self._server.stop, signal.SIGKILL)

    async def history(self, channel: str) -> str:
        """What a channel keeps for those who return, as JSON."""
        return json.dumps(await asyncio.to_thread(self._server.call, "history", channel=channel, limit=-1))


class Hanging:
    """A process that is suspended for a while, with its requests in flight."""

    def __init__(self, process: App | RealtimeServer) -> None:
        self.name = f"{process.name} hanging"
        self._process = process

    async def kill(self) -> None:
        self._process.signal(signal.SIGSTOP)

    async def start(self) -> None:
        self._process.signal(signal.SIGCONT)


class LaneNumber:
    """An operator changes the number of lanes, and often interrupts the change."""

    name = "number of lanes"

    def __init__(self, dsn: str, chance: random.Random) -> None:
        self._dsn = dsn
        self._chance = chance

    async def kill(self) -> None:
        with contextlib.suppress(*UNAVAILABLE, LanesBusy):
            await asyncio.wait_for(
                change_lanes(self._chance.randint(1, 4), self._dsn, operator=OPERATOR), self._chance.uniform(0, 2)
            )

    async def start(self) -> None:
        """Nothing to do: the lanes resume by themselves."""


class Postgres:
    """A PostgreSQL that stops at once, as in a crash, and recovers from its write-ahead log."""

    name = "postgresql"

    def __init__(self, server: EmbeddedPostgres, folder: Path) -> None:
        self._server = server
        self._pid_file = folder / "postgres" / "postmaster.pid"

    async def kill(self) -> None:
        pid = int(self._pid_file.read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)

        async def is_gone() -> bool:
            return not self._pid_file.exists()

        await eventually(is_gone)

    async def start(self) -> None:
        await asyncio.to_thread(self._server.stop)  # it is stopped, and we no longer count as its user
        await asyncio.to_thread(self._server.start)


@contextlib.asynccontextmanager
async def own_postgres_in(folder: Path, **options: str) -> AsyncIterator[EmbeddedPostgres]:
    """A server with today's schema, durable as in production unless told otherwise, that may be stopped and started."""
    server = EmbeddedPostgres(folder, options=options)
    await asyncio.to_thread(server.start)
    try:
        connection = await asyncpg.connect(server.dsn)
        await bring_up_to_date(connection)
        await connection.close()
        yield server
    finally:
        await asyncio.to_thread(server.stop)
