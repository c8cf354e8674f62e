"""The results of publications with an idempotency key, so that a repeat is answered and not published again."""

from collections import deque
from itertools import islice, takewhile

from msgspec import Struct


class PublishResult(Struct, frozen=True, gc=False, omit_defaults=True):
    """A publication's place in its channel's history; 0 and empty where no history is kept."""

    offset: int = 0
    epoch: str = ""


class _Remembered(Struct, frozen=True, gc=False):
    result: PublishResult
    until: float


Results = dict[str, _Remembered]
"""The results under one key by channel, oldest first."""

PRUNED_AT_ONCE = 1_000  # channels of one key
KEY_COST = 4  # a key takes about as much memory as four channels under it


class IdempotencyWindow:
    """First results by key and channel, for `window_s` seconds. Times are handed in, in seconds.

    A channel under a key takes about 130 bytes, a key another 500. The window holds `max_cost` channels, where a key
    counts as four; beyond that the oldest keys are forgotten with all their channels.
    """

    def __init__(self, window_s: float = 300.0, max_cost: int = 1_000_000) -> None:
        self._window_s = window_s
        self._max_cost = max_cost
        self._cost = 0
        self._keys: dict[str, Results] = {}
        self._due: deque[tuple[float, str]] = deque()  # each key once, with the time to examine it

    def __len__(self) -> int:
        return sum(map(len, self._keys.values()))

    def of(self, key: str, now: float) -> Results:
        """The results under a key. Pass them to `first` and `remember` before the next await."""
        results = self._keys.get(key)
        if results is None:
            results = self._keys[key] = {}
            self._due.append((now + self._window_s, key))
            self._cost += KEY_COST
        return results

    def first(self, results: Results, channel: str, now: float) -> PublishResult | None:
        """The result of the first publication to the channel, if it is within the window."""
        remembered = results.get(channel)
        if remembered is None:
            return None
        if now < remembered.until:
            return remembered.result
        del results[channel]
        self._cost -= 1
        return None

    def remember(self, results: Results, channel: str, result: PublishResult, now: float) -> None:
        """Keep the result for a channel for which `first` has just returned None."""
        results[channel] = _Remembered(result, now + self._window_s)
        self._cost += 1
        while self._cost > self._max_cost and self._due:
            self._forget(self._due.popleft()[1])

    def sweep(self, now: float, limit: int = 1_000) -> bool:
        """Examine at most `limit` of the keys that are due; true when more are."""
        for _ in range(limit):
            if not self._due or now < self._due[0][0]:
                return False
            _, key = self._due.popleft()
            results = self._keys[key]
            latest = next(reversed(results.values()), None)
            if latest is None or latest.until <= now:
                self._forget(key)
            elif self._prune(results, now):
                self._due.appendleft((now, key))
            else:
                self._due.append((now + self._window_s, key))
        return True

    def _prune(self, results: Results, now: float) -> bool:
        """Forget the outdated channels of a key that is still in use; true when more are left."""
        outdated = [
            channel
            for channel, _ in takewhile(lambda item: item[1].until <= now, islice(results.items(), PRUNED_AT_ONCE))
        ]
        for channel in outdated:
            del results[channel]
        self._cost -= len(outdated)
        return len(outdated) == PRUNED_AT_ONCE

    def _forget(self, key: str) -> None:
        self._cost -= KEY_COST + len(self._keys.pop(key))
