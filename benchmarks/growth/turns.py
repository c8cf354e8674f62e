"""What a request costs in logs of different size, asked in turns, so that the machine's moods meet all alike."""

import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from benchmarks.growth.scene import Scene
from benchmarks.tables import ms

CPU_CLOCK = 2
"""The clock of a process, as `clock_getcpuclockid` names it: hundredths of a second are too coarse for a request."""


def used_s(pid: int) -> float:
    """Processor time that a process has used, in seconds."""
    return time.clock_gettime((~pid << 3) | CPU_CLOCK)


def backends(scene: Scene) -> list[int]:
    """The processes of PostgreSQL that serve the scene's database."""
    name = f" {urlsplit(scene.dsn).path.lstrip('/')} "
    found = []
    for pid in Path(f"/proc/{scene.postmaster}/task/{scene.postmaster}/children").read_text().split():
        with contextlib.suppress(FileNotFoundError):  # it ended a moment ago
            if name in Path(f"/proc/{pid}/cmdline").read_text(errors="replace"):
                found.append(int(pid))
    return found


@dataclass
class Cost:
    """Of a request in one log: seconds of each, and processor seconds of each turn per request, both sides."""

    seconds: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    @property
    def cpu_s(self) -> float:
        """Of a request, in the median of the turns: what else runs in the background falls into few of them."""
        return median(self.server) + median(self.database)

    @property
    def cells(self) -> tuple[str, str, str]:
        return ms(median(self.seconds)), f"{median(self.server) * 1000:.2f}", f"{median(self.database) * 1000:.2f}"


Act = Callable[[Scene], Awaitable[tuple[float, int]]]
"""Does one request; returns its seconds, and its status."""


@dataclass
class Measured:
    """A thing that is asked for, in each log."""

    name: str
    costs: dict[int, Cost]

    async def turn(self, scene: Scene, act: Act, *, times: int, at_least_s: float = 0.0) -> None:
        """Ask so often, and on until so much time has passed."""
        cost = self.costs.setdefault(scene.size.messages, Cost())
        processes = backends(scene)
        server, database = used_s(scene.served.pid), sum(map(used_s, processes))
        began, count = time.perf_counter(), 0
        while count < times or (time.perf_counter() - began < at_least_s and count < 50 * times):
            seconds, status = await act(scene)
            assert status < 500, (self.name, status)
            cost.seconds.append(seconds)
            cost.statuses.add(status)
            count += 1
        cost.server.append((used_s(scene.served.pid) - server) / count)
        cost.database.append((sum(map(used_s, processes)) - database) / count)

    def ratio(self, small: int, big: int) -> tuple[float, float]:
        """Of processor time, and of the median time."""
        a, b = self.costs[small], self.costs[big]
        return b.cpu_s / a.cpu_s, median(b.seconds) / median(a.seconds)


async def in_turns(
    scenes: Sequence[Scene], named: dict[str, Act], *, rounds: int, times: int, at_least_s: float = 0.0
) -> list[Measured]:
    """Each of these so often in each log, after a round that does not count. Who begins changes."""
    measured = [Measured(name, {}) for name in named]
    for each, act in zip(measured, named.values(), strict=True):
        for scene in scenes:
            for _ in range(2):
                await act(scene)
        for number in range(rounds):
            for scene in scenes if number % 2 else scenes[::-1]:
                await each.turn(scene, act, times=times, at_least_s=at_least_s)
    return measured
