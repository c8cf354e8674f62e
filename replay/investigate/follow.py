"""The end of the log, followed as it grows."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from eventstore.log import CHANNEL
from postgres.listener import Listener
from replay.investigate.log_search import Filter, Found, LogSearch

POLL_S = 1.0
"""How long an event whose announcement got lost can be missed."""


async def follow(log_search: LogSearch, wanted: Filter, dsn: str) -> AsyncIterator[Found]:
    """Events that match beyond `wanted.after`, as they come, without end. Wakes on NOTIFY, and polls as well."""
    news = asyncio.Event()
    listener = Listener(dsn, CHANNEL, on_connect=news.set, on_notify=lambda _: news.set())
    listening = asyncio.create_task(listener.run())
    try:
        after = wanted.after
        while True:
            news.clear()
            head = await log_search.head()
            async for recorded in log_search.find(replace(wanted, after=after, to=head)):
                yield recorded
            after = max(after, head)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), POLL_S)
    finally:
        listening.cancel()
