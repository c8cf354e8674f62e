"""Things to do later, on whatever clock the owner keeps: nothing here reads one."""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")


class Timer:
    """One call to make at `at`, unless cancelled before."""

    __slots__ = ("at", "call")

    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at = at
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class Timers:
    """Calls in the order of their times. Cancelled ones are thrown out when they are the greater part."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._number = count()
        self._compact_at = 1024

    def __len__(self) -> int:
        """How many are kept, called off or not."""
        return len(self._heap)

    def at(self, when: float, call: Callable[[], None]) -> Timer:
        timer = Timer(when, call)
        heapq.heappush(self._heap, (when, next(self._number), timer))
        if len(self._heap) > self._compact_at:
            self._compact()
        return timer

    def run_due(self, now: float) -> None:
        """Make every call whose time has come, those included that these calls set for now."""
        while self._heap and self._heap[0][0] <= now:
            call = heapq.heappop(self._heap)[2].call
            if call is not None:
                call()

    def _compact(self) -> None:
        self._heap = [entry for entry in self._heap if entry[2].call is not None]
        heapq.heapify(self._heap)
        self._compact_at = max(1024, 2 * len(self._heap))


class Wheel(Generic[T]):
    """Very many items to look at again, to the second: adding and taking cost the same however many there are."""

    def __init__(self) -> None:
        self._seconds: list[int] = []
        self._items: dict[int, list[T]] = {}

    def add(self, item: T, at: float) -> None:
        second = int(at) + 1
        try:
            self._items[second].append(item)
        except KeyError:
            self._items[second] = [item]
            heapq.heappush(self._seconds, second)

    def pop(self, now: float = float("inf")) -> T | None:
        """Take one item whose time is not after `now`, the earliest second first; None when there is none."""
        if not self._seconds or self._seconds[0] > now:
            return None
        items = self._items[self._seconds[0]]
        item = items.pop()
        if not items:
            del self._items[heapq.heappop(self._seconds)]
        return item
