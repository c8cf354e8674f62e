"""A queue of very many items by time."""

import heapq
from typing import Generic, TypeVar

T = TypeVar("T")


class BucketQueue(Generic[T]):
    """Items in buckets of one second. Adding and taking one cost the same however many there are."""

    def __init__(self) -> None:
        self._seconds: list[int] = []
        self._buckets: dict[int, list[T]] = {}

    def add(self, item: T, at: float) -> None:
        second = int(at) + 1
        try:
            self._buckets[second].append(item)
        except KeyError:
            self._buckets[second] = [item]
            heapq.heappush(self._seconds, second)

    def pop(self, now: float = float("inf")) -> T | None:
        """Take an item of the earliest second that is not after `now`; None when there is none."""
        if not self._seconds or self._seconds[0] > now:
            return None
        bucket = self._buckets[self._seconds[0]]
        item = bucket.pop()
        if not bucket:
            del self._buckets[heapq.heappop(self._seconds)]
        return item
