"""Open pages without a browser: the service's own client library with the real centrifuge-js."""

import contextlib
import html
import itertools
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from tests.support.conditions import eventually
from tests.support.people import Person
from tests.support.realtime.node import NodeProgram
from tests.support.realtime.server import ROOT

SCRIPT = ROOT / "tests" / "client" / "pages.mjs"
PATIENCE_S = 20.0
STATE = re.compile(r'data-state="([^"]*)"')


class OpenPage:
    """What `owner` sees of the page at `path`."""

    def __init__(self, program: NodeProgram, name: str, owner: Person, path: str) -> None:
        self.owner = owner
        self.path = path
        self._program = program
        self._name = name

    async def start(self, websocket_url: str) -> None:
        """Load it, and start the client."""
        found = STATE.search((await self.owner.get(self.path)).raw.decode())
        assert found is not None, f"{self.path} is not a page of a signed-in user"
        await self._program.do(
            "open",
            page=self._name,
            state=json.loads(html.unescape(found[1])),
            origin=f"{self.owner.url}".rstrip("/"),
            cookie="; ".join(f"{name}={value}" for name, value in self.owner.cookies.items()),
            url=websocket_url,
        )

    async def list(self) -> Any:
        """Rooms, latest bumped first, and how much is unread in each."""
        return await self._program.do("list", page=self._name)

    async def room(self) -> Any:
        """The open room with its messages and members; None when the owner is not in it."""
        return await self._program.do("room", page=self._name)

    async def is_live(self) -> bool:
        """Whether the client believes that it is in step."""
        return bool(await self._program.do("status", page=self._name) == "live")

    async def close(self) -> None:
        await self._program.do("close", page=self._name)


class Desk:
    """Where pages are opened."""

    def __init__(self, program: NodeProgram) -> None:
        self._program = program
        self._numbers = itertools.count(1)

    async def open(self, person: Person, path: str, websocket_url: str) -> OpenPage:
        """The page at `path` as `person` gets it, in step."""
        page = OpenPage(self._program, str(next(self._numbers)), person, path)
        await page.start(websocket_url)
        await eventually(page.is_live, timeout_s=PATIENCE_S)
        return page


@contextlib.asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    program = await NodeProgram.start(SCRIPT)
    try:
        yield Desk(program)
    finally:
        await program.close()


async def becomes(shown: Callable[[], Awaitable[Any]], expected: Any) -> None:
    """Wait until what is shown is what is expected; fail with the difference."""

    async def is_so() -> bool:
        return bool(await shown() == expected)

    with contextlib.suppress(TimeoutError):
        await eventually(is_so, timeout_s=PATIENCE_S)
    assert await shown() == expected
