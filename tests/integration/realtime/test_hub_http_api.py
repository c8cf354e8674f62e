"""The hub's server API over HTTP: every method, and how requests are refused."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from centrifugo.hub.connection.subscriptions import MAX_CHANNELS
from centrifugo.hub.hub import Hub
from centrifugo.hub.server_api import http_api
from tests.support.socketless_hub import API_KEY, HubClient, config, token


class Api:
    """A hub and its API on a free port."""

    def __init__(self, hub: Hub, session: aiohttp.ClientSession, url: str) -> None:
        self.hub = hub
        self.session = session
        self.url = url

    async def call(self, method: str, **request: Any) -> Any:
        """The result or the error of the answer."""
        body = io.BytesIO(json.dumps(request).encode())
        async with self.session.post(f"{self.url}/{method}", data=body, headers={"X-API-Key": API_KEY}) as response:
            assert response.status == 200, await response.text()
            answer = await response.json()
        return answer.get("result", answer.get("error", answer))

    def client(self, user: str = "7", *channels: str) -> HubClient:
        """A connected client, subscribed to these channels."""
        client = HubClient(self.hub)
        client.connect(token(sub=user))
        client.id = client.received.pop(0)["connect"]["client"]
        for channel in channels:
            client.ask("subscribe", channel=channel, token=token(sub=user, channel=channel))
        client.take()
        return client


@pytest.fixture
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Api]:
    hub, app = Hub(config(**getattr(request, "param", {}))), web.Application()
    app.add_routes(http_api.routes(hub))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:
        yield Api(hub, session, f"http://127.0.0.1:{runner.addresses[0][1]}{http_api.PREFIX}")
    await runner.cleanup()


async def test_publish_reaches_the_subscribers_once_per_key(api: Api) -> None:
    client = api.client("7", "personal:7")
    result = await api.call("publish", channel="personal:7", data={"n": 1}, idempotency_key="k")
    assert (result["offset"], len(result["epoch"])) == (1, 8)
    assert await api.call("publish", channel="personal:7", data={"n": 2}, idempotency_key="k") == result
    assert await api.call("publish", channel="a", data=None) == {}
    assert [push["pub"]["data"] for push in client.take()] == [{"n": 1}]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({}, 107),
        ({"channel": "a"}, 107),
        ({"channel": "", "data": 1}, 107),
        ({"channel": "nowhere:a", "data": 1}, 102),
    ],
)
async def test_a_refused_publish_is_answered_with_its_error(api: Api, request_: Any, code: int) -> None:
    assert (await api.call("publish", **request_))["code"] == code


async def test_broadcast_answers_for_each_channel(api: Api) -> None:
    answer = await api.call("broadcast", channels=["a", "nowhere:1", "", "personal:7"], data=1)
    assert [response.get("error", {}).get("code") for response in answer["responses"]] == [None, 102, 107, None]
    assert [response.get("result", {}).get("offset") for response in answer["responses"]] == [None, None, None, 1]
    assert (await api.call("broadcast", channels=[], data=1))["code"] == 107
    assert [each["error"]["code"] for each in (await api.call("broadcast", channels=["a"]))["responses"]] == [107]


async def test_a_broadcast_may_have_several_megabytes(api: Api) -> None:
    channels = [f"personal:{n}" for n in range(70_000)]
    answer = await api.call("broadcast", channels=channels, data={"n": "x" * 500_000})
    assert len(answer["responses"]) == len(channels)
    assert api.hub.history.memory_bytes < 2_000_000


async def test_presence_history_channels_and_info_describe_the_hub(api: Api) -> None:
    client = api.client("7", "open:a")
    for n in range(3):
        await api.call("publish", channel="open:a", data=n)
    assert (await api.call("presence", channel="open:a"))["presence"] == {client.id: {"user": "7", "client": client.id}}
    assert await api.call("presence_stats", channel="open:a") == {"num_clients": 1, "num_users": 1}
    history = await api.call("history", channel="open:a", limit=2, reverse=True)
    assert history["publications"] == [{"data": 2, "offset": 3}, {"data": 1, "offset": 2}]
    assert (await api.call("history", channel="open:a"))["publications"] == []
    assert await api.call("history_remove", channel="open:a") == {}
    assert (await api.call("history", channel="open:a", limit=-1))["publications"] == []
    assert await api.call("channels", pattern="open:*") == {"channels": {"open:a": {"num_clients": 1}}}
    assert await api.call("channels", pattern="z*") == {"channels": {}}
    (node,) = (await api.call("info"))["nodes"]
    assert (node["num_clients"], node["num_users"], node["num_subs"], node["num_channels"]) == (1, 1, 1, 1)


@pytest.mark.parametrize("method", ["presence", "presence_stats", "history", "history_remove"])
async def test_a_feature_that_is_off_is_not_available(api: Api, method: str) -> None:
    assert (await api.call(method, channel="a"))["code"] == 108
    assert (await api.call(method, channel="nowhere:a"))["code"] == 102
    assert (await api.call(method))["code"] == 107


async def test_the_server_subscribes_and_unsubscribes_a_user(api: Api) -> None:
    client, other = api.client("7"), api.client("8")
    assert await api.call("subscribe", user="7", channel="personal:7") == {}
    assert await api.call("subscribe", user="7", channel="personal:7") == {}
    pushes = client.take()
    assert [push["subscribe"]["recoverable"] for push in pushes] == [True, True]
    assert await api.call("subscribe", user="7", channel="closed:1", data={"why": "invited"}) == {}
    assert client.take() == [{"channel": "closed:1", "subscribe": {"data": {"why": "invited"}}}]
    await api.call("publish", channel="personal:7", data=1)
    assert await api.call("unsubscribe", user="7", channel="personal:7") == {}
    await api.call("publish", channel="personal:7", data=2)
    publication, unsubscribe = client.take()
    assert publication["pub"]["data"] == 1
    assert unsubscribe == {"channel": "personal:7", "unsubscribe": {"code": 2000, "reason": "server unsubscribe"}}
    assert other.take() == []


async def test_a_user_whom_the_server_subscribes_joins_the_channel(api: Api) -> None:
    client, witness = api.client("7"), api.client("8", "open:a")
    await api.call("subscribe", user="7", channel="open:a")
    assert [push["join"]["info"]["user"] for push in witness.take()] == ["7"]
    await api.call("unsubscribe", user="7", channel="open:a")
    assert [push["leave"]["info"]["user"] for push in witness.take()] == ["7"]
    assert client.code is None


async def test_a_client_that_the_server_subscribes_beyond_the_limit_is_closed(api: Api) -> None:
    client = api.client("7", *[str(n) for n in range(MAX_CHANNELS)])
    await api.call("subscribe", user="7", channel="0")
    assert client.code is None
    await api.call("subscribe", user="7", channel="a")
    assert client.code == 3505


async def test_the_server_disconnects_every_connection_of_a_user(api: Api) -> None:
    first, second, other = api.client("7"), api.client("7"), api.client("8")
    await api.call("disconnect", user="7", disconnect={"code": 4001, "reason": "logged out"})
    assert (first.code, second.code, other.code) == (4001, 4001, None)
    await api.call("disconnect", user="8")
    assert other.code == 3503


async def test_the_server_refreshes_a_connection_or_ends_it_as_expired(api: Api) -> None:
    client = api.client("7")
    expire_at = int(api.hub.clock()) + 600
    assert await api.call("refresh", user="7", expire_at=expire_at) == {}
    assert await api.call("refresh", user="7") == {}
    first, second = client.take()
    assert first["refresh"]["expires"] is True
    assert 595 <= first["refresh"]["ttl"] <= 600
    assert second == {"refresh": {}}
    await api.call("refresh", user="7", expired=True)
    late = api.client("7")
    await api.call("refresh", user="7", expire_at=int(api.hub.clock()))
    assert (client.code, late.code) == (3005, 3005)


async def test_a_batch_answers_for_each_command_without_stopping(api: Api) -> None:
    commands = [
        {"publish": {"channel": "a", "data": 1}},
        {"publish": {"channel": "nowhere:1", "data": 1}},
        {"unheard_of": {}},
        {"batch": {"commands": []}},
        {"broadcast": {"channels": ["a"], "data": 1}},
    ]
    answer = await api.call("batch", commands=commands)
    assert [reply.get("error", {}).get("code") for reply in answer["replies"]] == [None, 102, 104, 104, None]
    assert answer["replies"][4] == {"broadcast": {"responses": [{"result": {}}]}}
    assert await api.call("batch") == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{} x",
        b"{",
        b"\xff",
        b'{"channel":5}',
        b'{"skip_history":true}',
        b'{"channel":"a","data":1,"tags":{}}',
        b'{"data":"\xff"}',
        b"[" * 50_000,
    ],
)
async def test_a_malformed_request_is_answered_with_400(api: Api, body: bytes) -> None:
    async with api.session.post(f"{api.url}/publish", data=body, headers={"X-API-Key": API_KEY}) as response:
        assert (response.status, await response.text()) == (400, "Bad Request\n")


async def test_a_malformed_command_stops_the_whole_batch(api: Api) -> None:
    commands = [{"publish": {"channel": "personal:7", "data": 1}}, {"publish": {"channel": 5}}]
    body = json.dumps({"commands": commands})
    async with api.session.post(f"{api.url}/batch", data=body, headers={"X-API-Key": API_KEY}) as response:
        assert response.status == 400
    assert (await api.call("history", channel="personal:7"))["offset"] == 0


@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": "wrong"}, {"X-API-Key": ""}, {"Authorization": "Bearer " + API_KEY}]
)
async def test_a_caller_without_the_key_is_answered_with_401(api: Api, headers: dict[str, str]) -> None:
    async with api.session.post(f"{api.url}/info", data="{}", headers=headers) as response:
        assert (response.status, await response.read()) == (401, b"")


@pytest.mark.parametrize("api", [{"http_api": {}}], indirect=True)
async def test_without_a_configured_key_every_caller_is_answered_with_401(api: Api) -> None:
    async with api.session.post(f"{api.url}/info", data="{}", headers={"X-API-Key": ""}) as response:
        assert response.status == 401


async def test_other_http_methods_and_paths_do_not_exist(api: Api) -> None:
    async with api.session.get(f"{api.url}/publish") as response:
        assert response.status == 405
    async with api.session.post(f"{api.url}/publish/") as response:
        assert response.status == 404


async def test_concurrent_calls_with_one_key_publish_once(api: Api) -> None:
    client = api.client("7", "personal:7")
    calls = [api.call("publish", channel="personal:7", data=1, idempotency_key="k") for _ in range(20)]
    assert len({result["offset"] for result in await asyncio.gather(*calls)}) == 1
    assert len(client.take()) == 1
