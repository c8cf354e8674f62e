"""Victims at the database: its processes, its files, and the work of its administrators."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from postgres.database import UNAVAILABLE
from postgres.embedded import EmbeddedPostgres
from tests.support.base_backup import BaseBackup
from tests.support.conditions import eventually
from tests.support.embedded import kill_server
from tests.support.faults.talk import Talk
from tests.support.killable_processes import App, Victim

MAINTENANCE = (
    "VACUUM (FREEZE)",
    "VACUUM (FREEZE) stored_events",
    "ANALYZE",
    "CREATE INDEX CONCURRENTLY maintenance_idx ON stored_events (topic)",
)
LOST = 20
"""So many messages, at least, are confirmed between a backup and its restore."""

CLEAN_UP = "DROP INDEX CONCURRENTLY IF EXISTS maintenance_idx"


class InTurn:
    """A victim that shares one server with others: it is not killed until the one before it is back."""

    def __init__(self, victim: Victim, turn: asyncio.Lock) -> None:
        self.name = victim.name
        self._victim = victim
        self._turn = turn

    async def kill(self) -> None:
        await self._turn.acquire()
        await self._victim.kill()

    async def start(self) -> None:
        await self._victim.start()
        self._turn.release()


class Postmaster:
    """PostgreSQL's first process, killed with kill -9: the others end when they notice."""

    name = "postmaster"

    def __init__(self, server: EmbeddedPostgres, folder: Path) -> None:
        self._server = server
        self._folder = folder

    async def kill(self) -> None:
        await kill_server(self._folder)

    async def start(self) -> None:
        await asyncio.to_thread(self._server.bring_back, unless=lambda: False)


class Restore:
    """A base backup is taken, and put in the place of the database some messages later, while everything else runs on.

    Every second time, one process of the service that remembers the log runs at the least; otherwise it is left to
    chance. `under` counts how many ran.
    """

    name = "restored backup"

    def __init__(self, backup: BaseBackup, talk: Talk, apps: Sequence[App]) -> None:
        self.under: Counter[int] = Counter()
        self._backup = backup
        self._talk = talk
        self._apps = apps
        self._confirmed = 0

    async def kill(self) -> None:
        self._confirmed = len(self._talk.said)
        await self._backup.take()

    async def start(self) -> None:
        await eventually(lambda: self._talk.has(self._confirmed + LOST))
        if self.under.total() % 2 == 0:
            await eventually(self._has_running_app)
        self.under[sum(app.is_running for app in self._apps)] += 1
        self._talk.restores += 1
        await self._backup.restore()
        self._talk.took_back(self._confirmed)

    async def _has_running_app(self) -> bool:
        return any(app.is_running for app in self._apps)


@dataclass
class Maintenance:
    """A victim, if it is not done right: everybody waits while an administrator maintains the tables.

    Half of the work is interrupted.
    """

    dsn: str
    chance: random.Random
    name: str = "maintenance"
    _turn: int = field(default=0)

    async def kill(self) -> None:
        self._turn += 1
        await self._run(MAINTENANCE[self._turn % len(MAINTENANCE)], self.chance.choice((0.1, 60)))

    async def start(self) -> None:
        await eventually(lambda: self._run(CLEAN_UP, 60), timeout_s=120)

    async def _run(self, statement: str, timeout_s: float) -> bool:
        """Whether it was completed."""
        with contextlib.suppress(*UNAVAILABLE):
            connection = await asyncpg.connect(self.dsn)
            try:
                await connection.execute(statement, timeout=timeout_s)
                return True
            finally:
                connection.terminate()
        return False
