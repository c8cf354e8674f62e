"""Waiting for a condition, never for a time."""

import asyncio
from collections.abc import Awaitable, Callable

PAUSE_S = 0.01


async def until(holds: Callable[[], Awaitable[bool]], *, timeout_s: float = 5) -> None:
    """Return as soon as `holds()` does. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while True:
            if await holds():
                return
            await asyncio.sleep(PAUSE_S)
