"""cent, the official Python client of the server API, against the hub and, where there is one, a real Centrifugo.

A centrifuge-python client sees what the API does to live connections.
"""

import secrets
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import cent
import pytest

from tests.support.realtime import server as servers
from tests.support.realtime.official import PythonClient
from tests.support.realtime.server import KINDS, Server, connection_token


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp(request.param)
    with servers.running(request.param, directory, servers.configuration()) as running:
        yield running


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Any]:
    client = cent.AsyncClient(server.api_url, servers.API_KEY)
    yield client
    await client.close()


@pytest.fixture
def channel() -> str:
    return f"open:{secrets.token_hex(4)}"


@pytest.fixture
def user() -> str:
    return secrets.token_hex(4)


@pytest.fixture
async def client(server: Server, user: str) -> AsyncIterator[PythonClient]:
    client = await PythonClient.start()
    await client.connect(server.websocket_url, tokens=[connection_token(user)])
    await client.expect("connected")
    yield client
    await client.close()


def refusal_code(refusal: pytest.ExceptionInfo[Any]) -> int:
    code: int = refusal.value.code
    return code


async def test_publications_have_rising_offsets_in_one_epoch_and_history_pages_them(api: Any, channel: str) -> None:
    published = [await api.publish(cent.PublishRequest(channel=channel, data={"n": n})) for n in range(1, 6)]
    assert [each.offset for each in published] == [1, 2, 3, 4, 5]
    (epoch,) = {each.epoch for each in published}

    async def page(**options: Any) -> list[int]:
        found = await api.history(cent.HistoryRequest(channel=channel, **options))
        assert (found.offset, found.epoch) == (5, epoch)
        return [publication.offset for publication in found.publications]

    assert await page(limit=2) == [1, 2]
    assert await page(limit=2, since=cent.StreamPosition(offset=2, epoch=epoch)) == [3, 4]
    assert await page(limit=2, reverse=True) == [5, 4]
    assert await page() == []


async def test_a_repeated_key_gets_the_first_position(api: Any, channel: str) -> None:
    first, again = [
        await api.publish(cent.PublishRequest(channel=channel, data=n, idempotency_key="k")) for n in (1, 2)
    ]
    assert (again.offset, again.epoch) == (first.offset, first.epoch)


async def test_removing_history_keeps_the_position(api: Any, channel: str) -> None:
    await api.publish(cent.PublishRequest(channel=channel, data=1))
    await api.history_remove(cent.HistoryRemoveRequest(channel=channel))
    found = await api.history(cent.HistoryRequest(channel=channel, limit=-1))
    assert (found.publications, found.offset) == ([], 1)


async def test_a_broadcast_has_a_response_for_every_channel_in_order(api: Any, channel: str) -> None:
    request = cent.BroadcastRequest(channels=[channel, "nowhere:1", f"{channel}-2"], data=1)
    here, nowhere, there = (await api.broadcast(request)).responses
    assert (here.result.offset, there.result.offset) == (1, 1)
    assert nowhere.error.code == 102


async def test_a_batch_is_executed_in_order(api: Any, channel: str) -> None:
    commands = [cent.PublishRequest(channel=channel, data=n) for n in range(3)]
    replies = (await api.batch(cent.BatchRequest(requests=[*commands, cent.InfoRequest()]))).replies
    assert [reply.offset for reply in replies[:3]] == [1, 2, 3]
    assert len(replies[3].nodes) == 1


@pytest.mark.parametrize(
    ("method", "request_", "code"),
    [
        ("publish", cent.PublishRequest(channel="nowhere:1", data=1), 102),
        ("publish", cent.PublishRequest(channel="", data=1), 107),
        ("broadcast", cent.BroadcastRequest(channels=[], data=1), 107),
        ("presence", cent.PresenceRequest(channel="personal:1"), 108),
        ("presence_stats", cent.PresenceStatsRequest(channel="personal:1"), 108),
        ("history", cent.HistoryRequest(channel="plain"), 108),
        ("history_remove", cent.HistoryRemoveRequest(channel="plain"), 108),
        ("history", cent.HistoryRequest(channel="open:1", since=cent.StreamPosition(offset=1, epoch="no")), 112),
    ],
    ids=lambda value: str(value) if isinstance(value, str | int) else "",
)
async def test_errors_carry_their_code(api: Any, method: str, request_: Any, code: int) -> None:
    with pytest.raises(cent.CentApiResponseError) as refusal:
        await getattr(api, method)(request_)
    assert refusal_code(refusal) == code


async def test_another_key_is_unauthorized(server: Server) -> None:
    stranger = cent.AsyncClient(server.api_url, "another key")
    with pytest.raises(cent.CentUnauthorizedError):
        await stranger.info(cent.InfoRequest())
    await stranger.close()


async def test_presence_and_channels_show_who_is_subscribed(
    api: Any, client: PythonClient, channel: str, user: str
) -> None:
    await client.subscribe(channel)
    await client.expect("subscribed")
    present = (await api.presence(cent.PresenceRequest(channel=channel))).presence
    assert [info.user for info in present.values()] == [user]
    stats = await api.presence_stats(cent.PresenceStatsRequest(channel=channel))
    assert (stats.num_clients, stats.num_users) == (1, 1)
    found = (await api.channels(cent.ChannelsRequest(pattern=f"{channel[:-1]}*"))).channels
    assert {name: context.num_clients for name, context in found.items()} == {channel: 1}


async def test_the_server_subscribes_a_user_and_unsubscribes_it(
    api: Any, client: PythonClient, channel: str, user: str
) -> None:
    await api.subscribe(cent.SubscribeRequest(user=user, channel=channel, data={"why": "invited"}))
    assert (await client.expect("server_subscribed", channel=channel))["data"] == {"why": "invited"}
    await api.publish(cent.PublishRequest(channel=channel, data="hello"))
    assert await client.expect("server_publication", channel=channel, data="hello", offset=1)
    await api.unsubscribe(cent.UnsubscribeRequest(user=user, channel=channel))
    await client.expect("server_unsubscribed", channel=channel)


async def test_the_server_ends_a_subscription_that_the_client_made(
    api: Any, client: PythonClient, channel: str, user: str
) -> None:
    await client.subscribe(channel)
    await client.expect("subscribed", channel=channel)
    await api.unsubscribe(cent.UnsubscribeRequest(user=user, channel=channel))
    await client.expect("unsubscribed", channel=channel, code=2000, reason="server unsubscribe")


async def test_the_server_disconnects_a_user_with_its_own_code_and_reason(
    api: Any, client: PythonClient, user: str
) -> None:
    request = cent.DisconnectRequest(user=user, disconnect=cent.Disconnect(code=4502, reason="banned"))
    await api.disconnect(request)
    await client.expect("disconnected", code=4502, reason="banned")


async def test_without_a_code_the_server_disconnects_for_good(api: Any, client: PythonClient, user: str) -> None:
    await api.disconnect(cent.DisconnectRequest(user=user))
    await client.expect("disconnected", code=3503, reason="force disconnect")


async def test_the_server_ends_a_connection_as_expired(api: Any, client: PythonClient, user: str) -> None:
    await api.refresh(cent.RefreshRequest(user=user, expire_at=int(time.time()) + 60))
    await api.refresh(cent.RefreshRequest(user=user, expired=True))
    await client.expect("connecting", code=3005)
    await client.expect("connected")
