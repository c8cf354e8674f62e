"""Victims in front of the service: the connections of open pages, and the people behind them."""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from postgres.database import UNAVAILABLE
from tests.support.conditions import eventually
from tests.support.live_page import LivePage

RUN_OUT = """
UPDATE leases SET warm_until = now(), changed_in = pg_current_xact_id() WHERE NOT is_paused AND user_id = ANY($1)
"""


@dataclass
class Connections:
    """A victim: the connections of half of the pages. They reconnect by themselves."""

    pages: Sequence[LivePage]
    chance: random.Random
    name: str = "connections"

    async def kill(self) -> None:
        await asyncio.gather(*(page.disconnect() for page in self.pages if self.chance.random() < 0.5))

    async def start(self) -> None:
        """Nothing to do: they reconnect by themselves."""


@dataclass
class Sleep:
    """A victim: half of the pages sleep until their leases have run out, as computers do over a weekend."""

    pages: Sequence[LivePage]
    dsn: str
    chance: random.Random
    name: str = "sleep"
    asleep: list[LivePage] = field(default_factory=list)

    async def kill(self) -> None:
        self.asleep = [page for page in self.pages if self.chance.random() < 0.5]
        await asyncio.gather(*(page.sleep() for page in self.asleep))
        await eventually(self._run_out)

    async def start(self) -> None:
        await asyncio.gather(*(page.wake() for page in self.asleep))

    async def _run_out(self) -> bool:
        with contextlib.suppress(*UNAVAILABLE):
            connection = await asyncpg.connect(self.dsn)
            try:
                await connection.execute(RUN_OUT, [page.browser.user_id for page in self.asleep])
                return True
            finally:
                connection.terminate()
        return False
