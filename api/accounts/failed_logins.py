"""Failed logins, counted in PostgreSQL for all processes. A login that succeeds reads a row or two and writes none."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from api.accounts.throttle import TooManyRequests
from postgres.database import Database

CHECK = """
SELECT max((1 - tokens - bucket.rate * extract(epoch FROM now() - counted_at)) / bucket.rate)
FROM failed_logins AS bucket
WHERE key = ANY($1::bytea[]) AND tokens + bucket.rate * extract(epoch FROM now() - counted_at) < 1
"""
COUNT = """
INSERT INTO failed_logins AS bucket (key, tokens, rate, burst, counted_at)
SELECT key, burst - 1, rate, burst, now()
FROM unnest($1::bytea[], $2::float8[], $3::float8[]) AS failed (key, rate, burst) ORDER BY key
ON CONFLICT (key) DO UPDATE SET
    tokens = greatest(0, least(
        excluded.burst, bucket.tokens + excluded.rate * extract(epoch FROM now() - bucket.counted_at)) - 1),
    rate = excluded.rate, burst = excluded.burst, counted_at = now()
"""
REMOVE_FULL = "DELETE FROM failed_logins WHERE tokens + rate * extract(epoch FROM now() - counted_at) >= burst"


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` failures at once, and `rate` a second in the long run."""

    rate: float
    burst: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """What failures are counted for, and how many are allowed."""

    key: str
    limit: Limit


class FailedLogins:
    """Slows down guessers: counts failures by account and by address, and those of a known device separately."""

    def __init__(self, database: Database, *, by_account: Limit, by_address: Limit) -> None:
        self._database = database
        self._by_account = by_account
        self._by_address = by_address

    def buckets(self, account: str, address: str, device: str | None) -> list[Bucket]:
        """Where a failure counts. A known device has a bucket of its own: others cannot empty it."""
        if device is not None:
            return [Bucket(f"device {account} {device}", self._by_account)]
        return [Bucket(f"account {account}", self._by_account), Bucket(f"address {address}", self._by_address)]

    async def check(self, buckets: Sequence[Bucket]) -> None:
        """Raises TooManyRequests when one of the buckets is empty."""
        wait_s = await self._database.fetchval(CHECK, _keys(buckets))
        if wait_s is not None:
            raise TooManyRequests(max(1.0, float(wait_s)))

    async def count(self, buckets: Sequence[Bucket]) -> None:
        """Count a failure in each."""
        rates, bursts = [bucket.limit.rate for bucket in buckets], [float(bucket.limit.burst) for bucket in buckets]
        await self._database.execute(COUNT, _keys(buckets), rates, bursts)


async def remove_full(database: Database) -> None:
    """Delete full buckets: they limit nothing."""
    await database.execute(REMOVE_FULL)


def _keys(buckets: Sequence[Bucket]) -> list[bytes]:
    return [sha256(bucket.key.encode("utf-8", "surrogatepass")).digest() for bucket in buckets]
