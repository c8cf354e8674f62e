"""Calls to make later. Nothing here reads a clock: the owner hands in the time."""

import heapq
from collections.abc import Callable
from itertools import count

COMPACT_AT = 1024


class Timer:
    """One call to make later, unless it is cancelled before."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class Timers:
    """Calls in the order of their times. Cancelled ones are removed once they are the greater part."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._number = count()
        self._compact_at = COMPACT_AT

    def __len__(self) -> int:
        """How many timers are held, cancelled ones included."""
        return len(self._heap)

    def at(self, when: float, call: Callable[[], None]) -> Timer:
        timer = Timer(call)
        heapq.heappush(self._heap, (when, next(self._number), timer))
        if len(self._heap) > self._compact_at:
            self._compact()
        return timer

    def run_due(self, now: float) -> None:
        """Make every call that is due, including those that these calls set for now."""
        while self._heap and self._heap[0][0] <= now:
            call = heapq.heappop(self._heap)[2].call
            if call is not None:
                call()

    def _compact(self) -> None:
        self._heap = [entry for entry in self._heap if entry[2].call is not None]
        heapq.heapify(self._heap)
        self._compact_at = max(COMPACT_AT, 2 * len(self._heap))
