"""centrifuge-js and centrifuge-python, unmodified, against the hub and, where there is one, a real Centrifugo.

The real server is the oracle: what holds on it must hold on the hub.
"""

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from centrifugo.client import CentrifugoClient
from centrifugo.publisher import Channels, Publication
from projections.fanout.channels import DELIVERY_CHANNEL
from tests.support.conditions import eventually
from tests.support.realtime import server as servers
from tests.support.realtime.breakable_tcp import TcpProxy, proxy_to
from tests.support.realtime.node import TIMEOUT_S, CommandFailed
from tests.support.realtime.official import JavaScriptClient, OfficialClient, PythonClient
from tests.support.realtime.server import (
    KINDS,
    Kind,
    Server,
    connection_token,
    subscription_token,
    token_with,
    websocket_url,
)

NewClient = Callable[[], Awaitable[OfficialClient]]


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture(scope="module")
def server(kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.running(kind, tmp_path_factory.mktemp(kind), servers.configuration()) as running:
        yield running


@pytest.fixture
def own_server(kind: Kind, tmp_path: Path) -> Iterator[Server]:
    """A server that the test may restart, and that soon cuts off a slow client."""
    config = servers.configuration(queue_max_size=8 * 1024 * 1024)
    config["websocket"]["write_timeout"] = "1s"
    with servers.running(kind, tmp_path, config) as running:
        yield running


@pytest.fixture
def pinging_server(kind: Kind, tmp_path: Path) -> Iterator[Server]:
    """A server that soon misses a pong."""
    config = servers.configuration(ping_interval="1s", pong_timeout="500ms")
    with servers.running(kind, tmp_path, config) as running:
        yield running


@pytest.fixture(params=[JavaScriptClient, PythonClient], ids=["js", "python"])
async def new_client(request: pytest.FixtureRequest) -> AsyncIterator[NewClient]:
    async with AsyncExitStack() as closing:

        async def start() -> OfficialClient:
            client: OfficialClient = await request.param.start()
            closing.push_async_callback(client.close)
            return client

        yield start


@pytest.fixture
async def proxy(server: Server) -> AsyncIterator[TcpProxy]:
    async with proxy_to(server.port) as proxy:
        yield proxy


@pytest.fixture
def user() -> str:
    """A user of this test alone."""
    return secrets.token_hex(4)


async def connected(client: OfficialClient, port: int, user: str) -> OfficialClient:
    await client.connect(websocket_url(port), tokens=[connection_token(user)])
    await client.expect("connected")
    return client


async def listening(client: OfficialClient, port: int, user: str) -> OfficialClient:
    """Connected and subscribed to the user's personal channel, as the service's pages are."""
    channel = f"personal:{user}"
    await connected(client, port, user)
    await client.subscribe(channel, tokens=[subscription_token(user, channel)])
    await client.expect("subscribed", channel=channel)
    return client


async def publish(server: Server, channel: str, *data: Any) -> None:
    """Publish through the port, in order."""
    publisher = CentrifugoClient(server.api_url, servers.API_KEY)
    try:
        await publisher.publish(
            [Publication(Channels([channel]), msgspec.json.encode(each), secrets.token_hex(8)) for each in data]
        )
    finally:
        await publisher.close()


async def disconnect(server: Server, user: str, *, code: int, reason: str) -> None:
    publisher = CentrifugoClient(server.api_url, servers.API_KEY)
    try:
        await publisher.disconnect(user, code=code, reason=reason)
    finally:
        await publisher.close()


class TestDelivery:
    async def test_a_subscriber_gets_what_is_published_in_order_and_intact(
        self, server: Server, new_client: NewClient, user: str
    ) -> None:
        client = await listening(await new_client(), server.port, user)
        sent = [{"n": n, "text": "é 🦉 \n \u2028 </script>"} for n in range(20)]
        await publish(server, f"personal:{user}", *sent)
        assert await client.publications(20, channel=f"personal:{user}") == sent

    async def test_a_client_gets_what_another_publishes_and_who_published_it(
        self, server: Server, new_client: NewClient, user: str
    ) -> None:
        ada, bob = (
            await connected(await new_client(), server.port, "ada"),
            await connected(await new_client(), server.port, "bob"),
        )
        for client in (ada, bob):
            await client.subscribe(f"open:{user}")
            await client.expect("subscribed")
        await bob.do("publish", channel=f"open:{user}", data={"from": "bob"})
        for client in (ada, bob):
            assert (await client.expect("publication"))["user"] == "bob"

    async def test_an_unsubscribed_client_gets_nothing_until_it_subscribes_again_and_recovers(
        self, server: Server, new_client: NewClient, user: str
    ) -> None:
        channel = f"personal:{user}"
        client = await listening(await new_client(), server.port, user)
        await client.do("unsubscribe", channel=channel)
        await client.expect("unsubscribed", channel=channel, code=0)
        await publish(server, channel, "while away")
        await client.subscribe(channel)
        assert (await client.expect("subscribed", channel=channel))["recovered"]
        assert await client.publications(1) == ["while away"]


class TestPresence:
    async def test_presence_shows_who_is_subscribed_and_how_many(
        self, server: Server, new_client: NewClient, user: str
    ) -> None:
        channel = f"open:{user}"
        for name in ("ada", "bob", "bob"):
            client = await connected(await new_client(), server.port, name)
            await client.subscribe(channel)
            await client.expect("subscribed")
        assert await client.do("presence", channel=channel) == {"users": ["ada", "bob", "bob"]}
        assert await client.do("presence_stats", channel=channel) == {"num_clients": 3, "num_users": 2}

    async def test_a_subscriber_sees_others_join_and_leave(
        self, server: Server, new_client: NewClient, user: str
    ) -> None:
        channel = f"open:{user}"
        ada = await connected(await new_client(), server.port, "ada")
        await ada.subscribe(channel)
        await ada.expect("join", user="ada")
        bob = await connected(await new_client(), server.port, "bob")
        await bob.subscribe(channel)
        await ada.expect("join", user="bob")
        await bob.do("disconnect")
        await ada.expect("leave", user="bob")


class TestHistory:
    async def test_history_pages_forwards_and_backwards(self, server: Server, new_client: NewClient, user: str) -> None:
        channel = f"open:{user}"
        client = await connected(await new_client(), server.port, user)
        await client.subscribe(channel)
        await client.expect("subscribed")
        await publish(server, channel, *range(1, 8))

        async def page(**options: Any) -> list[int]:
            found = await client.do("history", channel=channel, **options)
            return [publication["data"] for publication in found["publications"]]

        position = await client.do("history", channel=channel, limit=0)
        assert (position["publications"], position["offset"]) == ([], 7)

        def since(offset: int) -> dict[str, Any]:
            return {"offset": offset, "epoch": position["epoch"]}

        assert await page(limit=3, since=since(0)) == [1, 2, 3]
        assert await page(limit=3, since=since(3)) == [4, 5, 6]
        assert await page(limit=3, since=since(6)) == [7]
        assert await page(limit=3, reverse=True) == [7, 6, 5]
        assert await page(limit=3, reverse=True, since=since(5)) == [4, 3, 2]

    async def test_history_of_another_epoch_is_refused(self, server: Server, new_client: NewClient, user: str) -> None:
        channel = f"open:{user}"
        client = await connected(await new_client(), server.port, user)
        await client.subscribe(channel)
        await client.expect("subscribed")
        with pytest.raises(CommandFailed) as refusal:
            await client.do("history", channel=channel, limit=1, since={"offset": 1, "epoch": "another"})
        assert refusal.value.code == 112


class TestRecovery:
    async def test_a_dropped_client_gets_what_it_missed(
        self, server: Server, proxy: TcpProxy, new_client: NewClient, user: str
    ) -> None:
        client = await listening(await new_client(), proxy.port, user)
        await publish(server, f"personal:{user}", "before")
        assert await client.publications(1) == ["before"]
        proxy.cut()
        await client.expect("connecting")
        missed = [f"missed {n}" for n in range(300)]
        await publish(server, f"personal:{user}", *missed)
        proxy.restore()
        assert (await client.expect("subscribed"))["recovered"]
        await publish(server, f"personal:{user}", "after")
        assert await client.publications(301) == [*missed, "after"]

    async def test_a_client_that_missed_more_than_history_keeps_is_told_that_it_did_not_recover(
        self, server: Server, proxy: TcpProxy, new_client: NewClient, user: str
    ) -> None:
        channel = f"open:{user}"
        client = await connected(await new_client(), proxy.port, user)
        await client.subscribe(channel)
        await client.expect("subscribed")
        proxy.cut()
        await client.expect("connecting")
        await publish(server, channel, *range(101))
        proxy.restore()
        back = await client.expect("subscribed")
        assert (back["was_recovering"], back["recovered"]) == (True, False)
        await publish(server, channel, "after")
        assert await client.publications(1) == ["after"]

    async def test_a_thousand_long_publications_are_recovered(
        self, server: Server, proxy: TcpProxy, new_client: NewClient, user: str
    ) -> None:
        client = await listening(await new_client(), proxy.port, user)
        proxy.cut()
        await client.expect("connecting")
        missed = [f"{n} " + "x" * 2_000 for n in range(1_000)]
        await publish(server, f"personal:{user}", *missed)
        proxy.restore()
        assert (await client.expect("subscribed"))["recovered"]
        assert await client.publications(1_000) == missed
        assert client.times("connecting") == 2

    @pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL], ids=["shutdown", "kill"])
    async def test_after_a_restart_of_the_server_its_clients_do_not_recover(
        self, own_server: Server, new_client: NewClient, user: str, signum: int
    ) -> None:
        async with proxy_to(own_server.port) as proxy:
            client = await listening(await new_client(), proxy.port, user)
            await publish(own_server, f"personal:{user}", "before")
            assert await client.publications(1) == ["before"]
            own_server.stop(signum)
            away = await client.expect("connecting")
            assert (away["code"] == 3001) == (signum == signal.SIGTERM)
            proxy.cut()
            own_server.start()
            await publish(own_server, f"personal:{user}", "meanwhile")  # at the offset of the one before
            proxy.restore()
            back = await client.expect("subscribed")
            assert (back["was_recovering"], back["recovered"]) == (True, False)
            await publish(own_server, f"personal:{user}", "after")
            assert await client.publications(1) == ["after"]


class TestTokens:
    async def test_both_tokens_are_refreshed_without_losing_a_publication(
        self, server: Server, new_client: NewClient, user: str
    ) -> None:
        channel = f"personal:{user}"
        client = await new_client()
        await client.connect(
            websocket_url(server.port), tokens=[connection_token(user, ttl_s=2), connection_token(user, ttl_s=60)]
        )
        await client.expect("token_wanted", channel=None)
        await client.expect("connected")
        await client.subscribe(
            channel, tokens=[subscription_token(user, channel, ttl_s=2), subscription_token(user, channel, ttl_s=60)]
        )
        await client.expect("token_wanted", channel=channel)
        await client.expect("subscribed")
        wanted = {(await client.expect("token_wanted"))["channel"], (await client.expect("token_wanted"))["channel"]}
        assert wanted == {None, channel}
        await publish(server, channel, "still here")
        assert await client.expect("publication", channel=channel)
        assert (client.times("connecting"), client.times("subscribing")) == (1, 1)

    async def test_expired_tokens_are_replaced_by_new_ones(
        self, server: Server, new_client: NewClient, user: str
    ) -> None:
        channel = f"personal:{user}"
        client = await new_client()
        await client.connect(
            websocket_url(server.port), tokens=[connection_token(user, ttl_s=-5), connection_token(user)]
        )
        await client.expect("error", code=109)
        await client.expect("connected")
        await client.subscribe(
            channel, tokens=[subscription_token(user, channel, ttl_s=-5), subscription_token(user, channel)]
        )
        await client.expect("subscription_error", code=109)
        await client.expect("subscribed")

    @pytest.mark.parametrize(
        "token",
        [
            connection_token("1", secret="another key, long enough for HMAC and not ours"),
            token_with(aud="elsewhere"),
            token_with(iss="elsewhere"),
            token_with(aud=None),
            subscription_token("1", "personal:1"),
            "not.a.token",
        ],
        ids=["secret", "audience", "issuer", "no audience", "subscription token", "no token"],
    )
    async def test_a_forged_connection_token_is_refused_for_good(
        self, server: Server, new_client: NewClient, token: str
    ) -> None:
        client = await new_client()
        await client.connect(websocket_url(server.port), tokens=[token])
        await client.expect("disconnected", code=3500, reason="invalid token")

    async def test_a_client_without_a_token_is_refused_for_good(self, server: Server, new_client: NewClient) -> None:
        client = await new_client()
        await client.connect(websocket_url(server.port))
        await client.expect("disconnected", code=3501, reason="bad request")

    async def test_a_forged_subscription_token_is_refused_and_the_connection_stays_open(
        self, server: Server, new_client: NewClient, user: str
    ) -> None:
        channel = f"personal:{user}"
        client = await connected(await new_client(), server.port, user)
        forged = subscription_token(user, channel, secret="another key, long enough for HMAC and not ours")
        await client.subscribe(channel, tokens=[forged])
        await client.expect("unsubscribed", channel=channel, code=103)
        await client.subscribe(f"open:{user}")
        await client.expect("subscribed", channel=f"open:{user}")

    @pytest.mark.parametrize("claims", [("another", "personal:{}"), ("{}", "personal:else")], ids=["user", "channel"])
    async def test_the_subscription_token_of_another_user_or_channel_ends_the_connection(
        self, server: Server, new_client: NewClient, user: str, claims: tuple[str, str]
    ) -> None:
        client = await connected(await new_client(), server.port, user)
        stolen = subscription_token(claims[0].format(user), claims[1].format(user))
        await client.subscribe(f"personal:{user}", tokens=[stolen])
        await client.expect("disconnected", code=3500, reason="invalid token")


class TestPermissions:
    async def test_a_personal_channel_lets_its_user_subscribe_and_nothing_else(
        self, server: Server, new_client: NewClient, user: str
    ) -> None:
        channel = f"personal:{user}"
        client = await listening(await new_client(), server.port, user)
        codes = {}
        for command, fields in {
            "publish": {"data": 1},
            "presence": {},
            "presence_stats": {},
            "history": {"limit": 1},
        }.items():
            with pytest.raises(CommandFailed) as refusal:
                await client.do(command, channel=channel, **fields)
            codes[command] = refusal.value.code
        assert codes == {"publish": 103, "presence": 108, "presence_stats": 108, "history": 103}

    async def test_every_client_is_told_whether_publications_are_late_and_tells_no_other(
        self, server: Server, new_client: NewClient, user: str
    ) -> None:
        client = await connected(await new_client(), server.port, user)
        await client.subscribe(DELIVERY_CHANNEL)
        await client.expect("subscribed", channel=DELIVERY_CHANNEL)
        await publish(server, DELIVERY_CHANNEL, {"type": "delivery", "body": {"is_late": True}})
        (told,) = await client.publications(1, channel=DELIVERY_CHANNEL)
        assert told["body"] == {"is_late": True}
        with pytest.raises(CommandFailed) as refusal:
            await client.do("publish", channel=DELIVERY_CHANNEL, data=1)
        assert refusal.value.code == 103

    @pytest.mark.parametrize(("channel", "code"), [("personal:7", 103), ("nowhere:7", 102), ("plain", 103)])
    async def test_a_channel_without_a_token_is_refused(
        self, server: Server, new_client: NewClient, channel: str, code: int
    ) -> None:
        client = await connected(await new_client(), server.port, "7")
        await client.subscribe(channel)
        await client.expect("unsubscribed", channel=channel, code=code)


class TestDisconnects:
    async def test_a_user_who_logs_out_is_disconnected_for_good_and_no_other(
        self, server: Server, new_client: NewClient, user: str
    ) -> None:
        client = await listening(await new_client(), server.port, user)
        other = await listening(await new_client(), server.port, f"{user}-other")
        await disconnect(server, user, code=4501, reason="logged out")
        await client.expect("disconnected", code=4501, reason="logged out")
        await publish(server, f"personal:{user}-other", "still here")
        assert await other.publications(1) == ["still here"]
        assert other.times("connecting") == 1

    async def test_a_user_disconnected_with_a_4000_code_reconnects_and_misses_nothing(
        self, server: Server, new_client: NewClient, user: str
    ) -> None:
        client = await listening(await new_client(), server.port, user)
        await disconnect(server, user, code=4001, reason="come back")
        await client.expect("connecting", code=4001, reason="come back")
        await publish(server, f"personal:{user}", "meanwhile")
        assert await client.publications(1) == ["meanwhile"]

    async def test_a_client_that_does_not_answer_pings_is_cut_off_and_reconnects(
        self, pinging_server: Server, new_client: NewClient, user: str
    ) -> None:
        alive = await listening(await new_client(), pinging_server.port, f"{user}-alive")
        async with proxy_to(pinging_server.port) as proxy:
            silent = await listening(await new_client(), proxy.port, user)
            proxy.stall()
            await until(lambda: f"personal:{user}" not in pinging_server.call("channels")["channels"])
            proxy.resume()
            await silent.expect("connecting", code=3012, reason="no pong")
            await silent.expect("subscribed")
        assert alive.times("connecting") == 1

    async def test_only_the_client_that_does_not_read_is_cut_off_and_it_reconnects(
        self, own_server: Server, new_client: NewClient, user: str
    ) -> None:
        published = [f"{n} " + "x" * 50_000 for n in range(300)]
        async with proxy_to(own_server.port) as proxy:
            slow = await connected(await new_client(), proxy.port, "slow")
            await slow.subscribe(f"open:{user}")
            await slow.expect("subscribed")
            quick = await listening(await new_client(), own_server.port, user)
            proxy.stall()
            await publish(own_server, f"open:{user}", *published)
            await publish(own_server, f"personal:{user}", *published)
            assert await quick.publications(300) == published
            await until(lambda: own_server.call("info")["nodes"][0]["num_clients"] == 1)
            assert quick.times("connecting") == 1
            proxy.resume()
            await slow.expect("connecting")
            await slow.expect("subscribed")
            await publish(own_server, f"open:{user}", "after")
            await slow.expect("publication", data="after")


async def until(holds: Callable[[], bool]) -> None:
    await eventually(partial(asyncio.to_thread, holds), timeout_s=TIMEOUT_S)
