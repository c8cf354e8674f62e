"""Answers of the client protocol and the server API that the hub and a real Centrifugo must agree on."""

import json
import math
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest

from tests.support.conditions import eventually
from tests.support.realtime import server as servers
from tests.support.realtime.server import API_KEY, KINDS, OPEN, SECRET, Server, connection_token, subscription_token

MAX_HISTORY = 300  # publications that one reply to a client may have
USER = "7"
CHANNEL = f"personal:{USER}"


class RawClient:
    """A connected client that sends commands as they are written here."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._asked = 0

    async def ask(self, method: str, **command: Any) -> dict[str, Any]:
        """The result or the error of the reply; pushes before it are left out."""
        self._asked += 1
        await self._socket.send_json({"id": self._asked, method: command})
        while True:
            for line in (await self._socket.receive_str(timeout=60)).split("\n"):
                reply = json.loads(line)
                if reply.get("id") == self._asked:
                    result: dict[str, Any] = reply.get("error") or reply[method]
                    return result


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = servers.configuration()
    config["channel"]["namespaces"].append({**OPEN, "name": "long", "history_size": 2 * MAX_HISTORY})
    with servers.running(request.param, tmp_path_factory.mktemp(request.param), config) as running:
        yield running


@pytest.fixture
async def client(server: Server) -> AsyncIterator[RawClient]:
    async with aiohttp.ClientSession() as session, session.ws_connect(server.websocket_url) as socket:
        client = RawClient(socket)
        assert "client" in await client.ask("connect", token=connection_token(USER))
        yield client


async def call(server: Server, method: str, **request: Any) -> dict[str, Any]:
    """The result or the error of a call to the server API; the answer itself where it has neither."""
    async with (
        aiohttp.ClientSession(headers={"X-API-Key": API_KEY}) as session,
        session.post(f"{server.api_url}/{method}", json=request) as response,
    ):
        answer = await response.json()
    result: dict[str, Any] = answer.get("error") or answer.get("result", answer)
    return result


async def is_early_in_a_second() -> bool:
    return time.time() % 1 < 0.5


async def expiring_within_this_second(token: str) -> str:
    """The token with an expiry that is still to come, in less than a second. The service issues no such token."""
    await eventually(is_early_in_a_second)  # so that the token arrives before it expires
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode({**claims, "exp": math.floor(time.time()) + 0.99}, SECRET)


async def test_a_subscribe_with_an_expired_token_is_answered_with_109(client: RawClient) -> None:
    expired = subscription_token(USER, CHANNEL, ttl_s=-1)
    assert (await client.ask("subscribe", channel=CHANNEL, token=expired))["code"] == 109


async def test_a_subscribe_with_a_token_that_expires_within_this_second_is_answered_with_110(
    client: RawClient,
) -> None:
    expiring = await expiring_within_this_second(subscription_token(USER, CHANNEL))
    assert await client.ask("subscribe", channel=CHANNEL, token=expiring) == {"code": 110, "message": "expired"}


async def test_a_refresh_with_a_token_that_expires_within_this_second_is_answered_with_110(client: RawClient) -> None:
    expiring = await expiring_within_this_second(connection_token(USER))
    assert await client.ask("refresh", token=expiring) == {"code": 110, "message": "expired"}


async def test_no_history_lies_before_offset_0(server: Server, client: RawClient) -> None:
    """The two doors have two errors for it."""
    await client.ask("subscribe", channel="open:a")
    for since in ({"offset": 0}, {"offset": 0, "epoch": "other"}):
        asked = await client.ask("history", channel="open:a", since=since, reverse=True, limit=1)
        assert asked == {"code": 107, "message": "bad request"}
        called = await call(server, "history", channel="open:a", since=since, reverse=True, limit=1)
        assert called == {"code": 100, "message": "internal server error"}
    assert (await call(server, "history", channel="operations:a", since={"offset": 0}, reverse=True))["code"] == 108


async def test_a_client_gets_at_most_300_publications_of_history_in_a_reply(server: Server, client: RawClient) -> None:
    await client.ask("subscribe", channel="long:a")
    publish = {"publish": {"channel": "long:a", "data": 1}}
    await call(server, "batch", commands=[publish] * (MAX_HISTORY + 1))
    for limit in (-1, MAX_HISTORY + 1):
        reply = await client.ask("history", channel="long:a", limit=limit)
        assert (len(reply["publications"]), reply["offset"]) == (MAX_HISTORY, MAX_HISTORY + 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_the_server_does_not_know_is_named_in_its_log_and_ignored(
    kind: servers.Kind, tmp_path: Path
) -> None:
    config = servers.configuration(hystory_size=1)
    config["channel"]["namespaces"][0]["histroy_size"] = 1
    with servers.running(kind, tmp_path, config) as server:
        assert server.call("publish", channel="personal:1", data=1)["offset"] == 1
        log = server.log_text()
    assert "hystory_size" in log
    assert "histroy_size" in log
