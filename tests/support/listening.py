"""A subscriber on a bare WebSocket that records what arrives on a channel, in order."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from tests.support.people import Person


class Listener:
    """What has arrived on one channel. `offset` and `epoch` are the position that a recovery would start from."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._arrived = asyncio.Condition()
        self._closed = asyncio.Event()
        self.publications: list[dict[str, Any]] = []
        self.subscribed: dict[str, Any] = {}
        self.offset = 0
        self.epoch = ""

    @property
    def keys(self) -> list[tuple[str, int]]:
        """(room id, version) of each event that arrived, in order, without markers."""
        return [
            (publication["body"]["room"]["id"], publication["version"])
            for publication in self.publications
            if "body" in publication
        ]

    @property
    def positions(self) -> list[int]:
        return [publication["position"] for publication in self.publications]

    async def subscribe(self, person: Person, channel: str, *, offset: int | None = None, epoch: str = "") -> None:
        """Connect and subscribe with the person's tokens, recovering from `offset` if it is given."""
        connect = {"id": 1, "connect": {"token": await self._token(person, "connection/")}}
        subscription: dict[str, Any] = {
            "channel": channel,
            "token": await self._token(person, f"subscription/?channel={channel}"),
        }
        if offset is not None:
            subscription.update(recover=True, offset=offset, epoch=epoch)
        await self._socket.send_str(json.dumps(connect))
        await self._socket.send_str(json.dumps({"id": 2, "subscribe": subscription}))

    async def _token(self, person: Person, path: str) -> str:
        return str((await person.get(f"/api/token/{path}")).body["token"])

    async def close_code(self, *, timeout_s: float = 10) -> int | None:
        """Wait until the server closes the connection, and return the code."""
        async with asyncio.timeout(timeout_s):
            await self._closed.wait()
        return self._socket.close_code

    async def run(self) -> None:
        """Read until the socket closes."""
        async for message in self._socket:
            for line in message.data.splitlines():
                await self._take(json.loads(line))
        self._closed.set()

    async def _take(self, reply: dict[str, Any]) -> None:
        if not reply:
            await self._socket.send_str("{}")
        if "subscribe" in reply:
            self.subscribed = reply["subscribe"]
            self.epoch, self.offset = self.subscribed.get("epoch", ""), self.subscribed.get("offset", 0)
            for publication in self.subscribed.get("publications", []):
                self._note(publication)
        elif "pub" in reply.get("push", {}):
            self._note(reply["push"]["pub"])
        async with self._arrived:
            self._arrived.notify_all()

    def _note(self, publication: dict[str, Any]) -> None:
        self.publications.append(publication["data"])
        self.offset = publication.get("offset", self.offset)

    async def until(self, count: int, *, timeout_s: float = 20) -> list[dict[str, Any]]:
        """Wait for `count` publications, and return all that arrived."""
        async with asyncio.timeout(timeout_s), self._arrived:
            await self._arrived.wait_for(lambda: len(self.publications) >= count)
        return self.publications

    async def until_position(self, position: int, *, timeout_s: float = 20) -> list[dict[str, Any]]:
        """Wait for an event at or after a position of the log, and return all that arrived."""
        async with asyncio.timeout(timeout_s), self._arrived:
            await self._arrived.wait_for(lambda: bool(self.positions) and self.positions[-1] >= position)
        return self.publications


@contextlib.asynccontextmanager
async def listening(
    person: Person, channel: str = "", *, at: str = "", offset: int | None = None, epoch: str = ""
) -> AsyncIterator[Listener]:
    """A subscriber for the length of the block: by default to the person's own channel, at the application's hub.

    `at` is the WebSocket of another server.
    """
    async with person.http.ws_connect(at or person.url.with_path("/connection/websocket")) as socket:
        listener = Listener(socket)
        reading = asyncio.create_task(listener.run())
        channel = channel or f"personal:{person.user['id']}"
        await listener.subscribe(person, channel, offset=offset, epoch=epoch)
        async with asyncio.timeout(60), listener._arrived:
            await listener._arrived.wait_for(lambda: bool(listener.subscribed))
        try:
            yield listener
        finally:
            await socket.close()
            await reading
