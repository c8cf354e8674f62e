"""Failed logins, counted for all processes. A login that succeeds reads a row or two and writes none."""

from collections.abc import Sequence

from api.accounts.shared_buckets import Bucket, Limit, SharedBuckets


class FailedLogins:
    """Slows down guessers: counts failures by account and by address, and those of a known device separately."""

    def __init__(self, shared: SharedBuckets, *, by_account: Limit, by_address: Limit) -> None:
        self._shared = shared
        self._by_account = by_account
        self._by_address = by_address

    def buckets(self, account: str, address: str, device: str | None) -> list[Bucket]:
        """Where a failure counts. A known device has a bucket of its own: others cannot empty it."""
        if device is not None:
            return [Bucket(f"device {account} {device}", self._by_account)]
        return [Bucket(f"account {account}", self._by_account), Bucket(f"address {address}", self._by_address)]

    async def check(self, buckets: Sequence[Bucket]) -> None:
        """Raises TooManyRequests when one of the buckets is empty."""
        await self._shared.check(buckets)

    async def count(self, buckets: Sequence[Bucket]) -> None:
        """Count a failure in each."""
        await self._shared.spend(dict.fromkeys(buckets, 1))
