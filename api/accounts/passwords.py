"""Password hashes: argon2id, computed beside the event loop, a few at a time."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

WAITING = 1000
"""Hashes that may wait for their turn; more than that is an attack or an outage, and waiting would not help."""


class PasswordsBusy(Exception):
    """Too many passwords wait to be hashed."""


class Passwords:
    """Hashes and checks passwords, `threads` of them at the same time.

    Parameters: argon2id with 19 MiB, 2 passes, 1 lane (source: OWASP Password Storage Cheat Sheet), some 20 ms of CPU.
    """

    def __init__(self, *, threads: int) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._turns = asyncio.Semaphore(threads)
        self._waiting = 0
        self._nobodys = self._hasher.hash("nobody's password")

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """The hash to store, with its parameters and salt. Raises PasswordsBusy."""
        async with self.turn():
            return await asyncio.get_running_loop().run_in_executor(self._executor, self._hasher.hash, password)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn to call `matches`. Raises PasswordsBusy."""
        if self._waiting >= WAITING:
            raise PasswordsBusy("too many people are logging in")
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether `password` is the one of the `stored` hash. Without one (no such user): False, in the same time."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._matches, password, stored)

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, password: str, stored: str | None) -> bool:
        try:
            self._hasher.verify(stored or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None
