"""A person with a browser: cookies, a CSRF token, and the requests that they make."""

from collections.abc import Sequence
from io import BytesIO
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

PASSWORD = "correct horse battery staple"


class Answer:
    """A response with its whole body."""

    def __init__(self, response: aiohttp.ClientResponse, raw: bytes, body: Any) -> None:
        self.status = response.status
        self.headers = response.headers
        self.cookies = response.cookies
        self.raw = raw
        self.body = body

    @property
    def position(self) -> int:
        """The position that the response reflects."""
        return int(self.headers["X-Position"])


class Person:
    """A client of one server. `csrf` goes with every POST once it is known."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.csrf = ""
        self.user: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, at: TracebackType | None) -> None:
        await self.http.close()

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that the server has set."""
        return {cookie.key: cookie.value for cookie in self.http.cookie_jar}

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        """Send `body` as JSON, or `raw` as it is. `path` may be a whole URL, as links in pages are."""
        sent = {"X-CSRFToken": self.csrf, **(headers or {})} if method != "GET" else headers
        url = URL(path) if "://" in path else URL(f"{self.url}".rstrip("/") + path, encoded=True)
        payload: dict[str, Any] = {} if body is None else {"json": body}
        if raw is not None:
            payload = {"data": BytesIO(raw)}
        async with self.http.request(method, url, headers=sent, **payload) as response:
            data = await response.read()
            is_json = response.content_type == "application/json" and data
            return Answer(response, data, await response.json() if is_json else None)

    async def get(self, path: str, *, headers: dict[str, str] | None = None) -> Answer:
        return await self.request("GET", path, headers=headers)

    async def post(
        self, path: str, body: Any = None, *, headers: dict[str, str] | None = None, raw: bytes | None = None
    ) -> Answer:
        return await self.request("POST", path, body, headers=headers, raw=raw)

    async def submit(
        self,
        path: str,
        fields: dict[str, str] | None = None,
        *,
        csrf: str | None = None,
        origin: str | None = None,
        files: Sequence[tuple[str, bytes]] = (),
    ) -> Answer:
        """Send a form as a page's own form does, with `files` by name, from a page of `origin`; the redirect is not
        followed.
        """
        headers = {"Origin": origin} if origin is not None else None
        form = aiohttp.FormData(quote_fields=False)  # browsers send the names of files as they are
        for field, text in {**(fields or {}), "csrf": self.csrf if csrf is None else csrf}.items():
            form.add_field(field, text)
        for name, data in files:
            form.add_field("file", data, filename=name)
        url = self.url.join(self.url.with_path(path))
        async with self.http.post(url, data=form, headers=headers, allow_redirects=False) as response:
            return Answer(response, await response.read(), None)

    async def get_csrf(self) -> None:
        self.csrf = (await self.get("/api/csrf/")).headers["X-CSRFToken"]

    async def sign_up(self, username: str, password: str = PASSWORD) -> None:
        """Create the account and log in."""
        await self.get_csrf()
        answer = await self.post("/api/signup/", {"username": username, "password": password})
        assert answer.status == 201, answer.raw
        await self.log_in(username, password)

    async def log_in(self, username: str, password: str = PASSWORD) -> None:
        await self.get_csrf()
        answer = await self.post("/api/login/", {"username": username, "password": password})
        assert answer.status == 200, answer.raw
        self.csrf = answer.headers["X-CSRFToken"]
        self.user = {"id": answer.body["id"], "username": answer.body["username"]}

    async def open_room(self, name: str) -> str:
        """Open a room; returns its id."""
        answer = await self.post("/api/rooms/", {"name": name})
        assert answer.status == 201, answer.raw
        return str(answer.body["id"])
