"""A WebSocket between a client and a server, on which publications get lost, come twice or change places."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

Fate = Literal["delivered", "dropped", "doubled", "swapped"]
Reply = dict[str, Any]


class Relay:
    """Carries everything both ways; `fates` tells what becomes of each publication.

    One that is swapped comes after the next that is not. Where there is none before the connection ends, it is lost.
    `recoveries` tells of each subscription that asked for what it had missed whether the server still had it.
    """

    def __init__(self, server_url: str) -> None:
        self.url = ""
        self.fates: Iterator[Fate] = itertools.repeat("delivered")
        self.recoveries: list[bool] = []
        self._server_url = server_url
        self._is_whole = True
        self._transports: set[asyncio.Transport] = set()

    def calm(self) -> None:
        """Deliver everything from now on."""
        self.fates = itertools.repeat("delivered")

    def cut(self) -> None:
        """Drop every connection without a word and accept none until `mend`."""
        self._is_whole = False
        for transport in self._transports:
            transport.abort()

    def mend(self) -> None:
        self._is_whole = True

    async def carry(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection to the end."""
        assert request.transport is not None
        if not self._is_whole:
            request.transport.abort()
            return web.Response()
        self._transports.add(request.transport)
        client = web.WebSocketResponse()
        with contextlib.suppress(ConnectionError):  # cut
            async with aiohttp.ClientSession() as session, session.ws_connect(self._server_url) as server:
                await client.prepare(request)
                await asyncio.gather(_up(client, server), self._down(server, client))
        return client

    async def _down(self, server: aiohttp.ClientWebSocketResponse, client: web.WebSocketResponse) -> None:
        held: list[Reply] = []
        async for message in server:
            replies = [told for line in message.data.splitlines() for told in self._told(json.loads(line), held)]
            if replies:
                await client.send_str("\n".join(map(json.dumps, replies)))
        await client.close(code=server.close_code or aiohttp.WSCloseCode.GOING_AWAY)

    def _told(self, reply: Reply, held: list[Reply]) -> Iterable[Reply]:
        """What the client is told instead of `reply`."""
        if "pub" in reply.get("push", {}):
            return self._befallen([reply], held)
        subscribed = reply.get("subscribe", {})
        if subscribed.get("was_recovering"):
            last: list[Reply] = []
            self.recoveries.append(subscribed.get("recovered", False))
            subscribed["publications"] = [*self._befallen(subscribed.get("publications", []), last), *last]
        return [reply]

    def _befallen(self, publications: Iterable[Reply], held: list[Reply]) -> Iterator[Reply]:
        for publication in publications:
            fate = next(self.fates)
            if fate == "swapped":
                held.append(publication)
            else:
                yield from [publication] * ("dropped", "delivered", "doubled").index(fate)
                while held:
                    yield held.pop()


async def _up(client: web.WebSocketResponse, server: aiohttp.ClientWebSocketResponse) -> None:
    async for message in client:
        await server.send_str(message.data)
    await server.close()


@asynccontextmanager
async def relay_to(server_url: str) -> AsyncIterator[Relay]:
    """A relay on a port of its own, for as long as the block lasts."""
    relay = Relay(server_url)
    app = web.Application()
    app.router.add_get("/connection/websocket", relay.carry)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(access_log=None)
    relay.url = str(server.make_url("/connection/websocket").with_scheme("ws"))
    try:
        yield relay
    finally:
        relay.cut()
        await server.close()
