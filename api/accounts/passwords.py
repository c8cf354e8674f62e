"""Password hashes: argon2id, computed off the event loop, a few at a time."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MAX_WAITING = 1000
"""Hashes that may wait for a slot. More are an attack or an outage, and waiting would not help."""

HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""argon2id with 19 MiB, 2 passes, 1 lane (source: OWASP Password Storage Cheat Sheet), some 20 ms of CPU."""


@cache
def dummy_hash() -> str:
    """What a password is compared with when no user has the name: a login takes equally long then."""
    return HASHER.hash("no user's password")


class PasswordsBusy(Exception):
    """Too many passwords are waiting to be hashed."""


class Passwords:
    """Hashes and checks passwords, `threads` of them at the same time."""

    def __init__(self, *, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._slots = asyncio.Semaphore(threads)
        self._waiting = 0
        dummy_hash()  # before the first login

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """The hash to store, with its parameters and salt. Raises PasswordsBusy."""
        async with self.hashing_slot():
            return await asyncio.get_running_loop().run_in_executor(self._executor, HASHER.hash, password)

    @asynccontextmanager
    async def hashing_slot(self) -> AsyncIterator[None]:
        """Wait for a slot, in which to call `matches`. Raises PasswordsBusy."""
        if self._waiting >= MAX_WAITING:
            raise PasswordsBusy("too many people are logging in")
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._slots.release()

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether `password` fits the `stored` hash. Without a hash (no such user): False, after the same time."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._matches, password, stored)

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return HASHER.check_needs_rehash(stored)

    def _matches(self, password: str, stored: str | None) -> bool:
        try:
            HASHER.verify(stored or dummy_hash(), password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None
