"""Rate limits that all processes share: an exact one, and one that costs no round trip.

Frequent actions, such as posting, are decided from memory and reported afterwards. So a key may exceed its limit by
what each process lets through before it hears of the others: a tenth of the burst, and what happens during one report.
Debts are paid back, so the rate holds in the long run.
"""

import asyncio
import logging
from collections import OrderedDict

from api.accounts.shared_buckets import Bucket, Limit, SharedBuckets
from api.accounts.throttle import Throttle
from postgres.errors import StoreUnavailable

REPORTED_PART = 10
"""A key is reported each time that a process has used this part of its burst, here a tenth."""

PAUSE_S = 0.05
"""Between two reports of one process."""

RETRY_S = 1.0
KEYS = 100_000
"""Keys that a process remembers."""

log = logging.getLogger(__name__)


class SharedThrottle:
    """Counts in the database: exact, for actions that are rare or costly."""

    def __init__(self, shared: SharedBuckets, name: str, limit: Limit) -> None:
        self._shared = shared
        self._name = name
        self._limit = limit

    async def take(self, key: str) -> None:
        """Count one. Raises TooManyRequests, and counts nothing, when the bucket is empty."""
        await self._shared.take(Bucket(f"{self._name} {key}", self._limit))


class ReportedThrottle:
    """Decides from memory, and reports what was used while `run` runs. Until then each process counts for itself."""

    def __init__(self, shared: SharedBuckets, name: str, limit: Limit) -> None:
        self._shared = shared
        self._name = name
        self._limit = limit
        self._part = max(1, limit.burst // REPORTED_PART)
        self._here: Throttle[int] = Throttle(rate=limit.rate, burst=limit.burst, keys=KEYS)
        self._unreported: OrderedDict[int, int] = OrderedDict()
        self._due: set[int] = set()
        self._is_due = asyncio.Event()

    def take(self, key: int) -> None:
        """Count one. Raises TooManyRequests, and counts nothing, when the bucket is empty."""
        self._here.take(key)
        used = self._unreported.pop(key, 0) + 1
        self._unreported[key] = used
        if used >= self._part:
            self._due.add(key)
            self._is_due.set()
        elif len(self._unreported) > KEYS:
            self._unreported.popitem(last=False)

    async def run(self) -> None:
        """Report, and hear what others used, until cancelled."""
        while True:
            await self._is_due.wait()
            try:
                await self._report()
            except StoreUnavailable:
                await asyncio.sleep(RETRY_S)
            except Exception:
                log.exception("limits are not shared")
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(PAUSE_S)

    async def _report(self) -> None:
        due = self._due.copy()
        used = {key: self._unreported.get(key, 0) for key in due}
        buckets = {Bucket(f"{self._name} {key}", self._limit): key for key in due}
        left = await self._shared.spend({bucket: used[key] for bucket, key in buckets.items()})
        self._due -= due
        for bucket, tokens in left.items():
            key = buckets[bucket]
            since = max(0, self._unreported.pop(key, 0) - used[key])  # while the report was under way
            if since:
                self._unreported[key] = since
            if since >= self._part:
                self._due.add(key)
            self._here.put(key, tokens - since)
        if not self._due:
            self._is_due.clear()
