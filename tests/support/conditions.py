"""Waiting for what must come true, instead of for time to pass."""

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(holds: Callable[[], Awaitable[bool]], *, timeout_s: float = 60) -> None:
    """Return as soon as `holds()` answers true; fail when it has not by the time-out.

    Be patient: a machine may be several times slower and busy, and patience costs nothing where the test passes.
    """
    async with asyncio.timeout(timeout_s):
        while not await holds():  # noqa: ASYNC110 - what is waited for may be in another process
            await asyncio.sleep(0.01)
