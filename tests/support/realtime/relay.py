"""A WebSocket relay between a client and a server that drops, doubles or swaps publications."""

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
    """Relays everything both ways; `fates` decides what happens to each publication.

    A swapped one is delivered after the next that is not swapped; if the connection ends first, it is lost.
    `recoveries` records for each subscribe that asked for recovery whether it succeeded.
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
        """Abort every connection and refuse new ones until `mend`."""
        self._is_whole = False
        for transport in self._transports:
            transport.abort()

    def mend(self) -> None:
        self._is_whole = True

    async def carry(self, request: web.Request) -> web.StreamResponse:
        """Relay one connection to its end."""
        assert request.transport is not None
        if not self._is_whole:
            request.transport.abort()
            return web.Response()
        self._transports.add(request.transport)
        client = web.WebSocketResponse()
        with contextlib.suppress(ConnectionError, aiohttp.ClientConnectionError):  # cut, or the server is away
            async with aiohttp.ClientSession() as session, session.ws_connect(self._server_url) as server:
                await client.prepare(request)
                await asyncio.gather(_up(client, server), self._down(server, client))
        return client

    async def _down(self, server: aiohttp.ClientWebSocketResponse, client: web.WebSocketResponse) -> None:
        held: list[Reply] = []
        async for message in server:
            replies = [
                relayed for line in message.data.splitlines() for relayed in self._relayed(json.loads(line), held)
            ]
            if replies:
                await client.send_str("\n".join(map(json.dumps, replies)))
        await client.close(code=server.close_code or aiohttp.WSCloseCode.GOING_AWAY)

    def _relayed(self, reply: Reply, held: list[Reply]) -> Iterable[Reply]:
        """What the client gets in place of `reply`."""
        if "pub" in reply.get("push", {}):
            return self._disturbed([reply], held)
        subscribed = reply.get("subscribe", {})
        if subscribed.get("was_recovering"):
            last: list[Reply] = []
            self.recoveries.append(subscribed.get("recovered", False))
            subscribed["publications"] = [*self._disturbed(subscribed.get("publications", []), last), *last]
        return [reply]

    def _disturbed(self, publications: Iterable[Reply], held: list[Reply]) -> Iterator[Reply]:
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
    """A relay on a free port for the length of the block."""
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
