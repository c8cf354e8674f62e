"""The figures of the operations page: positions, rates and lag of everything."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from eventstore.log import Log
from eventstore.values import Position
from postgres.database import Database
from projections.fanout.dead_letters import DeadLetter, read_newest_dead_letters
from projections.operator_actions import OperatorAction, read_newest_actions
from projections.readmodels.shapes import Timestamp, timestamp
from replay.investigate.projection_status import Status, read_status
from replay.investigate.tree_status import TreeStatus, TreeStatusReader

MAX_DEAD_LETTERS, MAX_ACTIONS = 20, 10
"""How many are shown: the newest."""

MAX_WINDOW_S = 5.0
"""Rates are measured over the last seconds, this many at most."""

MIN_WINDOW_S = 0.5
"""A rate over less is noise."""

LOG = ("", "log")
"""The end of the log, among projections by name and lifecycle."""


class Rebuilding(Struct, frozen=True):
    """A rebuild that runs or was interrupted (`state`), at `position` of `head`. `left_s`: None when unknown."""

    state: str
    position: Position
    head: Position
    events_per_s: float | None
    left_s: float | None


class Figures(Struct, frozen=True):
    """Everything at one moment. `position` and `events_per_s` are the log's."""

    read_at: Timestamp
    position: Position
    events_per_s: float
    projections: list[Status]
    rebuild: Rebuilding | None
    dead_letters: list[DeadLetter]
    dead_letter_count: int
    actions: list[OperatorAction]
    tree: TreeStatus


@dataclass(frozen=True, slots=True)
class Sample:
    """The positions of everything at one moment (monotonic)."""

    at: float
    positions: dict[tuple[str, str], Position]


class Sampler:
    """Reads the figures. Rates are those of the last seconds, between two samples of this process."""

    def __init__(self, database: Database, log: Log, tree: TreeStatusReader) -> None:
        self._database = database
        self._log = log
        self._tree = tree
        self._samples: deque[Sample] = deque()

    async def read(self) -> Figures:
        """The current figures. Takes half a second when the last sample is too old: rates need two."""
        if self._before(LOG, time.monotonic()) is None:
            await self._take_sample()
            await asyncio.sleep(MIN_WINDOW_S)
        statuses = await self._take_sample()
        async with self._database.connection() as connection:
            dead_letters, dead_letter_count = await read_newest_dead_letters(MAX_DEAD_LETTERS, connection)
            actions = await read_newest_actions(MAX_ACTIONS, connection)
        tree = await self._tree.read()
        now = self._samples[-1]
        return Figures(
            read_at=timestamp(datetime.now(UTC)),
            position=now.positions[LOG],
            events_per_s=self._rate(LOG, now) or 0.0,
            projections=[status for status in statuses if status.lifecycle != "rebuild"],
            rebuild=next((_rebuilding(status) for status in statuses if status.lifecycle == "rebuild"), None),
            dead_letters=dead_letters,
            dead_letter_count=dead_letter_count,
            actions=actions,
            tree=tree,
        )

    async def _take_sample(self) -> list[Status]:
        """Take a sample; returns every projection, with its rate where there is an earlier sample of it."""
        statuses = await read_status(self._database, self._log)
        now = Sample(time.monotonic(), {(each.projection, each.lifecycle): each.checkpoint for each in statuses})
        now.positions[LOG] = max(each.head for each in statuses)
        while self._samples and now.at - self._samples[0].at > MAX_WINDOW_S:
            self._samples.popleft()
        self._samples.append(now)
        return [
            msgspec.structs.replace(each, events_per_s=self._rate((each.projection, each.lifecycle), now))
            for each in statuses
        ]

    def _rate(self, key: tuple[str, str], now: Sample) -> float | None:
        """Positions a second; None without an earlier sample of it, 0 for a rebuild that was restarted."""
        before = self._before(key, now.at)
        if before is None:
            return None
        return max(0.0, (now.positions[key] - before.positions[key]) / (now.at - before.at))

    def _before(self, key: tuple[str, str], at: float) -> Sample | None:
        """The sample to compare with: the oldest in the window that has the key."""
        recent = (sample for sample in self._samples if MIN_WINDOW_S <= at - sample.at <= MAX_WINDOW_S)
        return next((sample for sample in recent if key in sample.positions), None)


def _rebuilding(status: Status) -> Rebuilding:
    rate, left = status.events_per_s, status.head - status.checkpoint
    left_s = left / rate if rate and status.state == "rebuilding" else None
    return Rebuilding(status.state, status.checkpoint, status.head, rate, left_s)
