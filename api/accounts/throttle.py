"""Rate limits: token buckets in memory, one for each key."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")


class TooManyRequests(Exception):
    """Too many for now; `retry_after_s` says when to try again."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"Request was throttled. Expected available in {retry_after_s:.0f} seconds.")
        self.retry_after_s = retry_after_s


class Throttle(Generic[Key]):
    """Allows `burst` things at once and `rate` a second in the long run, for each key, in this process.

    A full bucket is the same as none, so the least recently used beyond `keys` are dropped. Filling the table with
    made-up keys therefore refills the buckets of others, and never empties them.
    """

    def __init__(
        self, *, rate: float, burst: int, keys: int = 100_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._keys = keys
        self._clock = clock
        self._buckets: OrderedDict[Key, tuple[float, float]] = OrderedDict()  # tokens left, at this time

    def take(self, key: Key) -> None:
        """Count one. Raises TooManyRequests, and counts nothing, when the bucket is empty."""
        now = self._clock()
        tokens, then = self._buckets.get(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        if tokens < 1:
            raise TooManyRequests(max(1.0, (1 - tokens) / self._rate))
        self._keep(key, tokens - 1, now)

    def put(self, key: Key, tokens: float) -> None:
        """Say how full the bucket is; a negative number is a debt."""
        self._keep(key, tokens, self._clock())

    def _keep(self, key: Key, tokens: float, now: float) -> None:
        self._buckets[key] = (tokens, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
