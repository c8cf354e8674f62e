"""What gets out of a service while something happens to it: answers of its processes, and what pages hear."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from tests.support.erasures.service import Installation

PAUSE_S = 0.1


@contextlib.asynccontextmanager
async def nothing_gets_out(installation: Installation, secret: Sequence[str]) -> AsyncIterator[None]:
    """In the block, no process answers a member with any of these texts, and no open page hears one."""
    pages = [page for member in installation.members for page in member.pages]
    heard_before = [len(page.heard) for page in pages]
    answers: list[str] = []
    asking = asyncio.create_task(_ask(installation, answers))
    try:
        yield
    finally:
        asking.cancel()
        await asyncio.wait([asking])
    for page, before in zip(pages, heard_before, strict=True):
        answers += page.heard[before:]
    assert [text for text in secret if any(text in answer for answer in answers)] == []


async def _ask(installation: Installation, answers: list[str]) -> None:
    """All members ask for all that they may see, again and again, any process that answers."""
    while True:
        for member in installation.members:
            paths = ["/api/feed/?after=0&limit=1000", "/api/rooms/"]
            for path in [*paths, *(f"/api/rooms/{room}/messages/?limit=500" for room in installation.stage.rooms)]:
                answer = await member.browser.once("GET", path)
                if answer is not None:
                    answers.append(answer.raw.decode())
        await asyncio.sleep(PAUSE_S)
