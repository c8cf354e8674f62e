"""How everything is: what the operations page shows at first, and what it is told while it is open."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from postgres.database import Database
from projections.fanout.dead_letters import DeadLetter, read_newest_dead_letters
from projections.operator_actions import OperatorAction, read_newest_actions
from projections.readmodels.shapes import Timestamp, timestamp
from replay.investigate.projection_status import Status, read_status

LETTERS, ACTIONS = 20, 10
"""How many of each are shown: the newest."""

WINDOW_S = 5.0
"""Rates are taken over the last seconds, this many at most."""

LEAST_S = 0.5
"""A rate over less says nothing."""

LOG = ("", "log")
"""Stands for the end of the log, among projections by name and lifecycle."""


class Rebuilding(Struct, frozen=True):
    """A rebuild that runs or was interrupted (`state`), at `position` of `head`. `left_s`: None where nobody knows."""

    state: str
    position: int
    head: int
    events_per_s: float | None
    left_s: float | None


class Figures(Struct, frozen=True):
    """Everything at one moment. `position` and `events_per_s` are the log's."""

    read_at: Timestamp
    position: int
    events_per_s: float
    projections: list[Status]
    rebuild: Rebuilding | None
    dead_letters: list[DeadLetter]
    dead_letter_count: int
    actions: list[OperatorAction]


@dataclass(frozen=True, slots=True)
class Look:
    """Where everything was, and when (monotonic)."""

    at: float
    positions: dict[tuple[str, str], int]


class Gauge:
    """Reads the figures. Rates are those of the last seconds, between two looks of this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looks: deque[Look] = deque()

    async def read(self) -> Figures:
        """The figures of now. Takes half a second when this process has not looked lately: rates need two looks."""
        if self._before(LOG, time.monotonic()) is None:
            await self._look()
            await asyncio.sleep(LEAST_S)
        statuses = await self._look()
        async with self._database.connection() as connection:
            letters, letter_count = await read_newest_dead_letters(LETTERS, connection)
            actions = await read_newest_actions(ACTIONS, connection)
        now = self._looks[-1]
        return Figures(
            read_at=timestamp(datetime.now(UTC)),
            position=now.positions[LOG],
            events_per_s=self._rate(LOG, now) or 0.0,
            projections=[status for status in statuses if status.lifecycle != "rebuild"],
            rebuild=next((_rebuilding(status) for status in statuses if status.lifecycle == "rebuild"), None),
            dead_letters=letters,
            dead_letter_count=letter_count,
            actions=actions,
        )

    async def _look(self) -> list[Status]:
        """Every projection as it is now, with its rate where there was a look before."""
        statuses = await read_status(self._database)
        now = Look(time.monotonic(), {(each.projection, each.lifecycle): each.checkpoint for each in statuses})
        now.positions[LOG] = max(each.head for each in statuses)
        while self._looks and now.at - self._looks[0].at > WINDOW_S:
            self._looks.popleft()
        self._looks.append(now)
        return [
            msgspec.structs.replace(each, events_per_s=self._rate((each.projection, each.lifecycle), now))
            for each in statuses
        ]

    def _rate(self, key: tuple[str, str], now: Look) -> float | None:
        """Positions a second; None for what was not there before. What begins anew moves back: that is no rate."""
        before = self._before(key, now.at)
        if before is None:
            return None
        return max(0.0, (now.positions[key] - before.positions[key]) / (now.at - before.at))

    def _before(self, key: tuple[str, str], at: float) -> Look | None:
        """The look to compare with: the oldest of the last seconds that saw it."""
        lately = (look for look in self._looks if LEAST_S <= at - look.at <= WINDOW_S)
        return next((look for look in lately if key in look.positions), None)


def _rebuilding(status: Status) -> Rebuilding:
    rate, left = status.events_per_s, status.head - status.checkpoint
    left_s = left / rate if rate and status.state == "rebuilding" else None
    return Rebuilding(status.state, status.checkpoint, status.head, rate, left_s)
