"""Processor time, by who spent it."""

from dataclasses import dataclass
from typing import Self

import psutil


@dataclass(frozen=True)
class Cpu:
    """Seconds of processor time that each of the parties has spent so far."""

    server: float
    postgres: float

    @classmethod
    def of(cls, *, server: int, postgres: int) -> Self:
        """`server` and `postgres` are process ids; the latter's children are its own."""
        return cls(spent_s(server), spent_s(postgres))

    def since(self, before: "Cpu") -> "Cpu":
        return Cpu(self.server - before.server, self.postgres - before.postgres)


def spent_s(pid: int) -> float:
    """By a process, by its children, and by those of its children that have ended already; user and system."""
    process = psutil.Process(pid)
    total = sum(process.cpu_times()[:4])  # user, system, and both again for children that were waited for
    for child in process.children(recursive=True):
        try:
            total += sum(child.cpu_times()[:4])
        except psutil.NoSuchProcess:  # it ended between the two lines: its time is its parent's now
            continue
    return float(total)
