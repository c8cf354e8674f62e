"""Who asks in a log of some size, and for what: the same people and rooms in all of them."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import asyncpg
import psutil
from yarl import URL

from benchmarks.growth.filling import ADA, OF_ADA, Size
from benchmarks.growth.logs import Filled
from benchmarks.load import Connection
from benchmarks.server import Served
from eventstore.log import LAST_POSITION
from tests.support.people import PASSWORD, Person

SAID = 400
"""Messages of Ada's that doors change: each at most once."""

GENERAL = "SELECT room_id FROM rooms WHERE room_id = ANY($1) ORDER BY message_count DESC LIMIT 1"
OUTSIDE = """
SELECT user_id FROM users
WHERE user_id > 2 AND user_id NOT IN (SELECT user_id FROM memberships WHERE room_id = ANY($1)) ORDER BY user_id
"""
MEMBERS = "SELECT user_id FROM memberships WHERE room_id = $1 AND user_id <> $2 ORDER BY user_id"
ROOMS = """
SELECT room_id FROM memberships JOIN rooms USING (room_id) WHERE user_id = $1 AND left_version IS NULL
ORDER BY opened_at, position
"""


@dataclass(frozen=True)
class Ask:
    """A request: `body` is sent as JSON, `form` as a form."""

    method: str
    path: str
    body: Any = None
    form: dict[str, str] | None = None
    raw: bytes | None = None


@dataclass
class Member:
    """A person who is logged in, over one connection."""

    user_id: int
    name: str
    url: URL
    cookie: str
    csrf: str
    connection: Connection

    @classmethod
    async def log_in(cls, url: URL, name: str) -> "Member":
        async with Person(url) as person:
            await person.log_in(name)
            cookie = "; ".join(f"{key}={value}" for key, value in person.cookies.items())
            return cls(person.user["id"], name, url, cookie, person.csrf, await Connection.open(url))

    async def send(self, ask: Ask) -> tuple[int, bytes]:
        """Status and body of the answer."""
        content = ask.raw if ask.raw is not None else b""
        kind = "application/octet-stream"
        if ask.body is not None:
            content, kind = json.dumps(ask.body).encode(), "application/json"
        elif ask.form is not None:
            content, kind = urlencode({**ask.form, "csrf": self.csrf}).encode(), "application/x-www-form-urlencoded"
        head = f"{ask.method} {ask.path} HTTP/1.1\r\nHost: {self.url.host}\r\nCookie: {self.cookie}\r\n"
        head += "Accept: text/html, application/json\r\n"
        if ask.method != "GET":
            head += f"X-CSRFToken: {self.csrf}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n"
            head += "X-File-Name: a.txt\r\n" if ask.raw is not None else ""
        request = f"{head}\r\n".encode() + content
        try:
            return await self.connection.send(request)
        except asyncio.IncompleteReadError:  # it was idle for too long
            self.connection = await Connection.open(self.url)
            return await self.connection.send(request)

    async def done(self, ask: Ask) -> Any:
        """The answer to what must succeed, from JSON."""
        status, body = await self.send(ask)
        assert status in (200, 201), (ask, status, body[:300])
        return json.loads(body)


@dataclass
class Scene:
    """A service on a filled log, and what is asked of it."""

    filled: Filled
    served: Served
    ada: Member
    grace: Member
    rooms: list[str]
    general: str
    others: list[int]
    """Members of the second room."""
    outside: list[int]
    """People who are in none of Ada's rooms."""
    postmaster: int
    """The first process of PostgreSQL."""
    said: list[int] = field(default_factory=list)
    """Messages of Ada's in the second room, by version."""
    upload: str = ""
    with_file: int = 0
    head: int = 0
    general_version: int = 0
    link: str = ""
    """The token of a link by which people may join the second room."""
    counters: dict[str, int] = field(default_factory=dict)

    @property
    def size(self) -> Size:
        return self.filled.size

    @property
    def dsn(self) -> str:
        return self.filled.dsn

    @property
    def url(self) -> URL:
        return self.served.url

    @property
    def side(self) -> str:
        """The second room, in which things are done about messages and members."""
        return next(room for room in self.rooms if room != self.general)

    def number(self, name: str) -> int:
        """0, 1, 2 and so on, for each name."""
        self.counters[name] = self.counters.get(name, -1) + 1
        return self.counters[name]

    def value(self, kind: str, use: str) -> str:
        """What stands for a place in the text of a request; each use has a sequence of its own."""
        match kind:
            case "side":
                return self.side
            case "said":
                if use == "last" or use == "erase":
                    return str(self.said.pop())
                return str(self.said[self.number(use)])
            case "outside":
                return str(self.outside[self.number(use) % len(self.outside)])
            case "other":
                return str(self.others[self.number(use) % 5])
            case "room":
                return self.rooms[2 + self.number(use) % (len(self.rooms) - 2)]
            case "n":
                return str(self.number(f"n {use}"))
            case "turn":
                name, *words = use.split()
                return words[self.number(name) % len(words)]
        raise AssertionError(kind)


async def open_scene(filled: Filled, served: Served, *, said: int = SAID) -> Scene:
    """Log in, and say and upload what doors need: so many messages."""
    ada, grace = await Member.log_in(served.url, "ada"), await Member.log_in(served.url, "grace")
    connection = await asyncpg.connect(filled.dsn)
    rooms = [str(row[0]) for row in await connection.fetch(ROOMS, ADA)][:OF_ADA]
    general = str(await connection.fetchval(GENERAL, rooms))
    side = next(room for room in rooms if room != general)
    others = [row[0] for row in await connection.fetch(MEMBERS, side, ADA)]
    outside = [row[0] for row in await connection.fetch(OUTSIDE, [side])]
    backend: int = await connection.fetchval("SELECT pg_backend_pid()")
    scene = Scene(filled, served, ada, grace, rooms, general, others, outside, psutil.Process(backend).ppid())
    for number in range(said):
        message = await ada.done(Ask("POST", f"/api/rooms/{side}/messages/", {"content": f"Said by Ada: {number}"}))
        scene.said.append(message["id"])
    sent = await ada.done(Ask("POST", f"/api/rooms/{side}/attachments/", raw=b"a file"))
    scene.upload = sent["id"]
    last = await ada.done(
        Ask("POST", f"/api/rooms/{side}/messages/", {"content": "a file", "attachments": [sent["id"]]})
    )
    scene.with_file = last["id"]
    scene.link = (await ada.done(Ask("POST", f"/api/rooms/{side}/links/", {"uses": 1})))["token"]
    scene.general_version = (await ada.done(Ask("GET", f"/api/rooms/{general}/")))["version"]
    scene.head = await connection.fetchval(LAST_POSITION)
    await connection.close()
    return scene


__all__ = ["PASSWORD", "Ask", "Member", "Scene", "open_scene"]
