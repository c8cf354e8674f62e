"""Token buckets in PostgreSQL: what all processes count together."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from api.accounts.throttle import TooManyRequests
from postgres.database import Database

NOW_IN = "bucket.tokens + bucket.rate * extract(epoch FROM now() - bucket.counted_at)"
"""The tokens in a bucket now, before they are limited to its burst."""

CHECK = f"""
SELECT max((1 - ({NOW_IN})) / bucket.rate) FROM throttle_buckets AS bucket
WHERE key = ANY($1::bytea[]) AND {NOW_IN} < 1
"""
TAKE = f"""
INSERT INTO throttle_buckets AS bucket (key, tokens, rate, burst, counted_at)
VALUES ($1, $3::float8 - 1, $2::float8, $3::float8, now())
ON CONFLICT (key) DO UPDATE SET
    tokens = least(excluded.burst, {NOW_IN}) - 1, rate = excluded.rate, burst = excluded.burst, counted_at = now()
WHERE {NOW_IN} >= 1
RETURNING true
"""
# `excluded.burst - excluded.tokens` is what was spent. A debt is at most a whole burst: it is paid back in the time in
# which an empty bucket fills.
SPEND = f"""
INSERT INTO throttle_buckets AS bucket (key, tokens, rate, burst, counted_at)
SELECT key, greatest(-burst, burst - spent), rate, burst, now()
FROM unnest($1::bytea[], $2::float8[], $3::float8[], $4::float8[]) AS used (key, spent, rate, burst) ORDER BY key
ON CONFLICT (key) DO UPDATE SET
    tokens = greatest(-excluded.burst,
        least(excluded.burst, {NOW_IN}) - (excluded.burst - excluded.tokens)),
    rate = excluded.rate, burst = excluded.burst, counted_at = now()
RETURNING key, tokens
"""
REMOVE_FULL = f"DELETE FROM throttle_buckets AS bucket WHERE {NOW_IN} >= bucket.burst"


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` at once, and `rate` a second in the long run."""

    rate: float
    burst: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is counted, and how much of it is allowed. `key` may hold what was typed."""

    key: str
    limit: Limit


class SharedBuckets:
    """The table of buckets. A bucket without a row is full.

    It stores keys as HMACs under `secret`, which all processes share: without it, the table does not show whether
    a name or an address was counted.
    """

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._secret = secret

    async def check(self, buckets: Sequence[Bucket]) -> None:
        """Raises TooManyRequests when one of them is empty; writes nothing."""
        wait_s = await self._database.fetchval(CHECK, [self._stored_key(bucket) for bucket in buckets])
        if wait_s is not None:
            raise TooManyRequests(max(1.0, float(wait_s)))

    async def take(self, bucket: Bucket) -> None:
        """Count one. Raises TooManyRequests, and counts nothing, when the bucket is empty."""
        async with self._database.connection() as connection:
            taken = await connection.fetchval(
                TAKE, self._stored_key(bucket), float(bucket.limit.rate), float(bucket.limit.burst)
            )
        if taken is None:
            await self.check([bucket])

    async def spend(self, spent: Mapping[Bucket, int]) -> dict[Bucket, float]:
        """Count what happened, allowed or not; returns what is left, which is negative for a debt."""
        by_key = {self._stored_key(bucket): bucket for bucket in spent}
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                SPEND,
                list(by_key),
                [float(count) for count in spent.values()],
                [float(bucket.limit.rate) for bucket in spent],
                [float(bucket.limit.burst) for bucket in spent],
            )
        return {by_key[row["key"]]: row["tokens"] for row in rows}

    async def remove_full(self) -> None:
        """Delete the buckets that are full again."""
        await self._database.execute(REMOVE_FULL)

    def _stored_key(self, bucket: Bucket) -> bytes:
        return hmac.digest(self._secret, bucket.key.encode("utf-8", "surrogatepass"), "sha256")
