"""Whatever comes in through any route of the application, from anyone: no server error. The router names the routes."""

import asyncio
import gzip
import http.client
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from api.http.app_keys import ACCOUNTS
from tests.integration.conftest import StartServer, Visit
from tests.support.operator import OPERATOR
from tests.support.people import Person

UNKNOWN = "00000000-0000-4000-8000-000000000000"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
ROUTES_AT_LEAST = 60

FIELDS = (
    *("username", "password", "current", "new", "token", "invitation", "next", "kept", "user", "id"),
    *("content", "name", "key", "seen", "version", "why", "position", "restart", "member", "minutes", "role", "topic"),
    *("visibility", "history", "usernames", "days", "uses", "link"),
)
"""Fields of any form or body; a route reads those that it knows."""

QUERY = "&".join(
    f"{name}={{value}}"
    for name in ("page", "q", "at", "before", "after", "limit", "log", "channel", "next", "token", "invitation", "link")
)
LONG_NAME = "a" * 300 + ".txt"
VALUES = ("%00", "%ff", "%ed%a0%80", "x" * 2000, "9" * 400, "-1", "%D9%A3", "", "%2F%2Fevil.example", LONG_NAME)


@dataclass(frozen=True)
class Hostile:
    """A request's body, with what its headers say of it."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def form(value: bytes) -> bytes:
    return b"&".join(name.encode() + b"=" + value for name in FIELDS)


def document(value: str) -> bytes:
    return ("{" + ",".join(f'"{name}":{value}' for name in FIELDS) + "}").encode()


def multipart(name: bytes) -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n'
    return head % (name, b"f" * 300) + b"x\r\n--b--\r\n"


HOSTILE = {
    "empty": Hostile(b""),
    "form NUL": Hostile(form(b"%00"), {"Content-Type": FORM}),
    "form 8,000 characters": Hostile(form(b"k" * 2000) + b"&key=" + b"k" * 8000, {"Content-Type": FORM}),
    "form not UTF-8": Hostile(form(b"%ff%fe"), {"Content-Type": FORM}),
    "form surrogate": Hostile(form(b"%ed%a0%80"), {"Content-Type": FORM}),
    "form big number": Hostile(form(b"9" * 400), {"Content-Type": FORM}),
    "form charset": Hostile(form(b"x"), {"Content-Type": f"{FORM}; charset=no-such-charset"}),
    "form utf-16": Hostile(form(b"x"), {"Content-Type": f"{FORM}; charset=utf-16"}),
    "form too many fields": Hostile(b"a&" * 2000, {"Content-Type": FORM}),
    "form too large": Hostile(b"content=" + b"x" * 70_000, {"Content-Type": FORM}),
    "multipart": Hostile(multipart(b"content"), {"Content-Type": "multipart/form-data; boundary=b"}),
    "multipart cut off": Hostile(b"--b\r\n", {"Content-Type": "multipart/form-data; boundary=b"}),
    "multipart no boundary": Hostile(b"x", {"Content-Type": "multipart/form-data"}),
    "gzip": Hostile(gzip.compress(form(b"x")), {"Content-Type": FORM, "Content-Encoding": "gzip"}),
    "gzip broken": Hostile(b"\x1f\x8bnot gzip", {"Content-Type": JSON, "Content-Encoding": "gzip"}),
    "deflate broken": Hostile(b"x", {"Content-Type": JSON, "Content-Encoding": "deflate"}),
    "JSON NUL": Hostile(document('"\\u0000"'), {"Content-Type": JSON}),
    "JSON surrogate": Hostile(document('"\\ud800"'), {"Content-Type": JSON}),
    "JSON 8,000 characters": Hostile(document('"' + "k" * 2000 + '"'), {"Content-Type": JSON}),
    "JSON big number": Hostile(document("9" * 400), {"Content-Type": JSON}),
    "JSON no text": Hostile(document("[{}]"), {"Content-Type": JSON}),
    "JSON deep": Hostile(b"[" * 30_000, {"Content-Type": JSON}),
    "JSON deep object": Hostile(b'{"content":' * 5_000, {"Content-Type": JSON}),
    "JSON not UTF-8": Hostile(b'{"content": "\xff"}', {"Content-Type": JSON}),
    "JSON no object": Hostile(b"NaN", {"Content-Type": JSON}),
    "type": Hostile(b"x", {"Content-Type": "text/\xff; charset=\x80"}),
    "key": Hostile(b"{}", {"Content-Type": JSON, "Idempotency-Key": "k" * 8000}),
    "key not ASCII": Hostile(b"{}", {"Content-Type": JSON, "Idempotency-Key": "\xff\xfe"}),
    "headers": Hostile(b"{}", {"X-User": "9" * 500, "X-Request-ID": "\xff", "X-Forwarded-For": ",,;\xff", "Host": "x"}),
    "websocket": Hostile(b"", {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "x"}),
}
"""What a body can be, and what headers can say."""


def routes(app: web.Application) -> Iterator[tuple[str, str]]:
    """The method and the path of every route; a pattern for the rest of a path counts as one name."""
    for route in app.router.routes():
        if route.resource is not None and route.method in ("GET", "POST", "PUT", "DELETE"):
            yield route.method, route.resource.canonical


def places(path: str, room: str) -> Iterator[str]:
    """The path with names that are there, and with names that nothing can have."""
    before, brace, _ = path.partition("{")
    if not brace:
        yield path
        return
    for name in (room, UNKNOWN, *VALUES):
        yield before + name + path.partition("}")[2] if name else before


def status_of(port: int, method: str, path: str, cookies: str, csrf: str, sent: Hostile) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {
        "Host": f"127.0.0.1:{port}",
        "Cookie": cookies,
        "X-CSRFToken": csrf,
        "Content-Length": str(len(sent.body)),
        "Accept": "text/html",
        **sent.headers,
    }
    body = sent.body
    if sent.headers.get("Content-Type", "").startswith(FORM) and "Content-Encoding" not in sent.headers:
        body = b"csrf=" + csrf.encode() + b"&" + body
        headers["Content-Length"] = str(len(body))
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value.encode("latin-1"))
        connection.endheaders(body)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.long
@pytest.mark.parametrize("who", ["nobody", "a user", "a member", "an admin"])
async def test_no_route_meets_a_server_error(start_server: StartServer, visit: Visit, who: str) -> None:
    server = await start_server(database_timeout_s=20.0, login_account_burst=100_000, login_address_burst=100_000)
    found = sorted(set(routes(server.app)))
    assert len(found) >= ROUTES_AT_LEAST, found
    errors: list[tuple[str, str, str, int]] = []
    met: set[int] = set()

    owner = await visit("ada", at=server)
    room = await owner.open_room("Engines")

    async def person(number: int) -> tuple[str, str]:
        """The cookies and the CSRF token of a person of this kind, fresh, since a route may end the session."""
        someone = await visit(None if who == "nobody" else f"user{number}", at=server)
        await admit(server, someone, who, room, f"user{number}")
        return "; ".join(f"{name}={value}" for name, value in someone.cookies.items()), someone.csrf

    def send(method: str, path: str, cookies: str, csrf: str) -> None:
        requests = [(place, HOSTILE["empty"]) for place in places(path, room)]
        requests += [(f"{next(places(path, room))}?{QUERY.format(value=value)}", HOSTILE["empty"]) for value in VALUES]
        requests += [(next(places(path, room)), sent) for sent in HOSTILE.values() if method == "POST"]
        for place, sent in requests:
            status = status_of(server.port or 0, method, place, cookies, csrf, sent)
            met.add(status)
            if status >= 500:
                errors.append((method, place[:100], sent.body[:40].decode("latin-1"), status))

    for number, (method, path) in enumerate(found):
        await asyncio.to_thread(send, method, path, *await person(number))
    assert [error for error in errors if not error[1].startswith("/readyz")] == []
    assert met >= {200, 400, 404}


async def admit(server: TestServer, person: Person, who: str, room: str, name: str) -> None:
    """Make the person what they are to be."""
    if who == "an admin":
        await server.app[ACCOUNTS].set_role(name, "admin", operator=OPERATOR)
    if who in ("a member", "an admin"):
        assert (await person.post(f"/api/rooms/{room}/join/", {})).status == 200
