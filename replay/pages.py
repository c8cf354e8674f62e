"""The log in pages, the next one under way while the last one is being worked on."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg

from eventstore.log import Log, Recorded

PAGE = 2000
"""Events at a time: enough to make the cost of a statement small, few enough to keep memory flat."""

Page = list[Recorded[Any]]


async def whole_log(log: Log, connection: asyncpg.Connection, *, after: int, to: int) -> AsyncGenerator[Page, None]:
    """Every event of this program beyond `after`, up to `to`, ascending by position."""

    async def read(last: Recorded[Any] | None) -> Page:
        return await log.between(last.position if last else after, to, limit=PAGE, connection=connection)

    async with contextlib.aclosing(_ahead(read)) as pages:
        async for page in pages:
            yield page


async def stream(
    log: Log, connection: asyncpg.Connection, stream_id: UUID, *, after: int = 0
) -> AsyncGenerator[Page, None]:
    """Every event of one stream beyond version `after`, ascending."""

    async def read(last: Recorded[Any] | None) -> Page:
        version = last.event.originator_version if last else after
        return await log.stream(stream_id, after=version, limit=PAGE, connection=connection)

    async with contextlib.aclosing(_ahead(read)) as pages:
        async for page in pages:
            yield page


async def _ahead(read: Callable[[Recorded[Any] | None], Awaitable[Page]]) -> AsyncGenerator[Page, None]:
    """`read` gets the last event so far, or None at first; a page that is not full is the last."""
    reading = asyncio.ensure_future(read(None))
    try:
        while page := await reading:
            if len(page) == PAGE:
                reading = asyncio.ensure_future(read(page[-1]))
            yield page
            if len(page) < PAGE:
                return
    finally:
        reading.cancel()
        await asyncio.wait([reading])
