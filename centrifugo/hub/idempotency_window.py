"""The results of publications that carried an idempotency key, so that a repeat is answered and not published again."""

from collections import deque
from itertools import islice, takewhile

from msgspec import Struct


class Published(Struct, frozen=True, gc=False, omit_defaults=True):
    """Where a publication went in its channel's history; 0 and empty where no history is kept."""

    offset: int = 0
    epoch: str = ""


class _Remembered(Struct, frozen=True, gc=False):
    published: Published
    until: float


Results = dict[str, _Remembered]
"""Of one key, by channel, in the order of their times."""

PRUNED = 1_000  # channels of one key at a time
KEY_COST = 4  # a key takes about as much memory as four channels under one


class IdempotencyWindow:
    """First results by key and channel, for `window_s` seconds. Times are handed in, in seconds.

    Each channel under a key takes about 130 bytes, each key about 500 beside. The window holds `max_cost` channels,
    where a key counts as four; beyond that the oldest keys are forgotten, with all their channels.
    """

    def __init__(self, window_s: float = 300.0, max_cost: int = 1_000_000) -> None:
        self._window_s = window_s
        self._max_cost = max_cost
        self._cost = 0
        self._keys: dict[str, Results] = {}
        self._look_at: deque[tuple[float, str]] = deque()  # each key once, with the time to look at it again

    def __len__(self) -> int:
        return sum(map(len, self._keys.values()))

    def of(self, key: str, now: float) -> Results:
        """The results under a key, to be handed to `first` and `remember` before anybody else has a turn."""
        results = self._keys.get(key)
        if results is None:
            results = self._keys[key] = {}
            self._look_at.append((now + self._window_s, key))
            self._cost += KEY_COST
        return results

    def first(self, results: Results, channel: str, now: float) -> Published | None:
        """What the first publication to the channel came to, when it is not longer ago than the window."""
        remembered = results.get(channel)
        if remembered is None:
            return None
        if now < remembered.until:
            return remembered.published
        del results[channel]
        self._cost -= 1
        return None

    def remember(self, results: Results, channel: str, published: Published, now: float) -> None:
        """Keep the result for a channel for which `first` has just found none."""
        results[channel] = _Remembered(published, now + self._window_s)
        self._cost += 1
        while self._cost > self._max_cost and self._look_at:
            self._forget(self._look_at.popleft()[1])

    def sweep(self, now: float, limit: int = 1_000) -> bool:
        """Look at no more than `limit` of the keys whose time has come; true when there are more."""
        for _ in range(limit):
            if not self._look_at or now < self._look_at[0][0]:
                return False
            _, key = self._look_at.popleft()
            results = self._keys[key]
            latest = next(reversed(results.values()), None)
            if latest is None or latest.until <= now:
                self._forget(key)
            elif self._prune(results, now):
                self._look_at.appendleft((now, key))
            else:
                self._look_at.append((now + self._window_s, key))
        return True

    def _prune(self, results: Results, now: float) -> bool:
        """Forget channels of a key that others still need; true when there are more to forget."""
        past = [channel for channel, _ in takewhile(lambda item: item[1].until <= now, islice(results.items(), PRUNED))]
        for channel in past:
            del results[channel]
        self._cost -= len(past)
        return len(past) == PRUNED

    def _forget(self, key: str) -> None:
        self._cost -= KEY_COST + len(self._keys.pop(key))
