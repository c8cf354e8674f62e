"""Open pages without a browser: the service's own client library with the real centrifuge-js."""

import contextlib
import html
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from yarl import URL

from tests.support.conditions import eventually
from tests.support.people import Person
from tests.support.realtime.node import Event, NodeProgram
from tests.support.realtime.server import ROOT

SCRIPT = ROOT / "tests" / "client" / "pages.mjs"
SAYING_S = 120.0
STATE = re.compile(r"data-state='([^']*)'")


class OpenPage:
    """What `owner` sees of a page. Its requests go to any of `urls`, by default to where the owner's go."""

    def __init__(self, program: NodeProgram, name: str, owner: Person, *, urls: Sequence[URL] = ()) -> None:
        self.owner = owner
        self.path = ""
        self._urls = urls or [owner.url]
        self._program = program
        self._name = name

    async def start(self, path: str, websocket_url: URL | str) -> None:
        """Load the page at `path`, and start the client."""
        self.path = path
        found = STATE.search((await self.owner.get(path)).raw.decode())
        assert found is not None, f"{path} is not a page of a signed-in user"
        await self._do(
            "open",
            path=path,
            state=json.loads(html.unescape(found[1])),
            origins=[f"{url}".rstrip("/") for url in self._urls],
            cookie="; ".join(f"{name}={value}" for name, value in self.owner.cookies.items()),
            url=f"{websocket_url}",
        )

    def told(self, event: Event) -> None:
        """Called with what arrives at the page."""

    async def list(self) -> Any:
        """Rooms, latest bumped first, how many messages and mentions are unread in each, whether it is muted, and how
        many invitations wait.
        """
        return await self._do("list")

    async def room(self) -> Any:
        """The open room with its messages and members; None when the owner is not in it."""
        return await self._do("room")

    async def go(self, path: str) -> None:
        """Put another page in place of this one, as soon as the service answers; this does not wait for it."""
        self.path = path
        await self._do("go", path=path)

    async def say(self, room_id: str, content: str) -> int | None:
        """Type a message and send it until it is recorded. Returns its version; None where it is refused."""
        outcome = await self._do("say", room=room_id, content=content, timeout_s=SAYING_S)
        version: int | None = outcome.get("version")
        return version

    async def is_live(self) -> bool:
        """Whether the client believes that it is in step."""
        return bool(await self._do("status") == "live")

    async def disconnect(self) -> None:
        """Lose the connection, as when driving through a tunnel."""
        await self._do("disconnect")

    async def sleep(self) -> None:
        """As a computer does: neither connection nor requests until it wakes."""
        await self._do("sleep")

    async def wake(self) -> None:
        await self._do("wake")

    async def close(self) -> None:
        await self._do("close")

    async def _do(self, command: str, **fields: Any) -> Any:
        return await self._program.do(command, page=self._name, **fields)


P = TypeVar("P", bound=OpenPage)


class Desk:
    """Where pages are opened."""

    def __init__(self, program: NodeProgram, pages: dict[str, OpenPage]) -> None:
        self._program = program
        self._pages = pages

    def page(self, kind: type[P], person: Person, *, urls: Sequence[URL] = ()) -> P:
        """A page of `person` that is not loaded yet."""
        name = f"{len(self._pages)}"
        page = kind(self._program, name, person, urls=urls)
        self._pages[name] = page
        return page

    async def open(self, person: Person, path: str, websocket_url: str) -> OpenPage:
        """The page at `path` as `person` gets it, in step."""
        page = self.page(OpenPage, person)
        await page.start(path, websocket_url)
        await eventually(page.is_live)
        return page


@contextlib.asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    pages: dict[str, OpenPage] = {}
    program = await NodeProgram.start(SCRIPT, lambda event: pages[event["page"]].told(event))
    try:
        yield Desk(program, pages)
    finally:
        await program.close()


async def becomes(shown: Callable[[], Awaitable[Any]], expected: Any) -> None:
    """Wait until what is shown is what is expected; fail with the difference."""

    async def is_so() -> bool:
        return bool(await shown() == expected)

    with contextlib.suppress(TimeoutError):
        await eventually(is_so)
    assert await shown() == expected
