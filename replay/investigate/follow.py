"""Follow the log as it grows."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from eventstore.log import CHANNEL
from postgres.listener import Listener
from replay.investigate.log_search import Filter, FoundEvent, LogSearch

POLL_S = 1.0
"""How long a lost notification can delay an event."""


async def follow(log_search: LogSearch, event_filter: Filter, dsn: str | None) -> AsyncIterator[FoundEvent]:
    """Events that match beyond `event_filter.after`, as they arrive, endlessly. Wakes on NOTIFY, and polls as well.

    Without `dsn` it only polls: a standby has no LISTEN.
    """
    news = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        if dsn is not None:
            listener = Listener(dsn, CHANNEL, on_connect=news.set, on_notify=lambda *_: news.set())
            stack.callback(asyncio.create_task(listener.run()).cancel)
        after = event_filter.after
        while True:
            news.clear()
            head = await log_search.head()
            async for recorded in log_search.find(replace(event_filter, after=after, to=head)):
                yield recorded
            after = max(after, head)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), POLL_S)
