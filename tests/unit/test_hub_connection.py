"""What a client is answered, when it is closed, and what it is told unasked."""

import json
from typing import Any

import pytest

from tests.hub import SECRET, STARTED_AT, World, token

DENIED = {"code": 103, "message": "permission denied"}
TOKEN_EXPIRED = {"code": 109, "message": "token expired"}
EXPIRED = {"code": 110, "message": "expired"}


@pytest.fixture
def world() -> World:
    return World()


# Connecting


def test_connect_tells_the_client_its_id_and_how_often_it_will_be_pinged(world: World) -> None:
    client = world.socket()
    client.connect(token(sub="7"))
    (reply,) = client.received
    assert reply["id"] == 1_000
    assert reply["connect"].keys() == {"client", "version", "ping", "pong"}
    assert (reply["connect"]["ping"], reply["connect"]["pong"]) == (25, True)


def test_connect_tells_when_the_connection_expires(world: World) -> None:
    client = world.socket()
    client.connect(token(sub="7", exp=STARTED_AT + 120))
    assert (client.received[0]["connect"]["expires"], client.received[0]["connect"]["ttl"]) == (True, 120)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\n",
        "null",
        "[]",
        "1",
        "{",
        "{}",
        '{"id":1}',
        '{"id":1,"ping":{}}',
        '{"id":-1,"connect":{}}',
        '{"id":4294967296,"connect":{}}',
        '{"id":1.5,"connect":{}}',
        '{"id":"1","connect":{}}',
        '{"id":1,"connect":[]}',
        '{"id":1,"connect":{"token":5}}',
        '{"id":1,"connect":{}}',
        '{"id":1,"connect":{"token":""}}',
        '{"send":{"data":1}}',
        '{"id":1,"subscribe":{"channel":"a"}}',
        '{"id":1,"connect":{"data":[NaN]}}',
        '{"id":1,"connect":{"name":"\\ud800"}}',
        '{"id":1,"connect":{"data":' + "[" * 30_000 + "]" * 30_000 + "}}",
        "[" * 60_000,
    ],
)
def test_a_first_command_that_is_no_connect_with_a_token_is_closed_with_3501(world: World, line: str) -> None:
    client = world.socket()
    client.say(line)
    assert (client.code, client.received) == (3501, [])


def test_a_second_connect_is_closed_with_3501(world: World) -> None:
    client = world.client()
    client.connect(token(sub="7"))
    assert client.code == 3501


def test_unknown_fields_and_null_fields_count_for_nothing(world: World) -> None:
    client = world.socket()
    client.say(json.dumps({"id": 1, "new": [1], "subscribe": None, "connect": {"token": token(sub="7"), "name": None}}))
    assert "connect" in client.received[0]


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"exp": STARTED_AT - 1}, TOKEN_EXPIRED),
        ({"exp": STARTED_AT + 0.5}, TOKEN_EXPIRED),
        ({"nbf": STARTED_AT + 9}, TOKEN_EXPIRED),
        ({"expire_at": int(STARTED_AT) - 1}, EXPIRED),
        ({"channels": ["nowhere:1"]}, {"code": 102, "message": "unknown channel"}),
        ({"b64info": "%"}, {"code": 100, "message": "internal server error", "temporary": True}),
    ],
)
def test_a_connect_that_is_answered_with_an_error_ends_the_connection_in_five_seconds(
    world: World, claims: dict[str, Any], error: dict[str, Any]
) -> None:
    client = world.socket()
    client.connect(token(sub="7", **claims))
    assert client.received == [{"id": 1_000, "error": error}]
    client.connect(token(sub="7"))
    world.pass_time(4)
    assert (len(client.received), client.closed, client.dropped) == (1, None, False)
    world.pass_time(1)
    assert (client.closed, client.dropped) == (None, True)


def test_whoever_does_not_connect_is_closed_as_stale_after_ten_seconds(world: World) -> None:
    client = world.socket()
    world.pass_time(9)
    assert client.closed is None
    world.pass_time(1)
    assert client.code == 3502


def test_anonymous_clients_connect_where_that_is_allowed() -> None:
    client = World({"allow_anonymous_connect_without_token": True}).socket()
    client.connect("")
    assert "connect" in client.received[0]


def test_a_bad_token_is_refused_even_where_none_is_needed() -> None:
    client = World({"insecure": True}).socket()
    client.connect("bad")
    assert client.code == 3500


def test_anonymous_tokens_may_be_disallowed() -> None:
    client = World({"disallow_anonymous_connection_tokens": True}).socket()
    client.connect(token())
    assert client.code == 3507


def test_a_user_has_no_more_connections_than_the_limit() -> None:
    world = World({"user_connection_limit": 2})
    first = world.client()
    world.client()
    third = world.socket()
    third.connect(token(sub="7"))
    assert third.code == 3504
    first.connection.lost()
    assert world.client().closed is None


# Staying connected


def test_every_ping_wants_a_pong(world: World) -> None:
    client = world.client()
    client.is_alive = False
    world.pass_time(25)
    assert client.received == [{}]
    world.pass_time(8)
    assert client.code == 3012


def test_pings_go_on_as_long_as_they_are_answered(world: World) -> None:
    client = world.client()
    world.pass_time(200)
    assert client.closed is None


@pytest.mark.parametrize("pong", ["{}", '{"id":0}', '{"subscribe":{"channel":"a"}}'])
def test_a_pong_to_no_ping_is_closed_with_3501(world: World, pong: str) -> None:
    client = world.client()
    client.say(pong)
    assert client.code == 3501


def test_a_connection_is_closed_when_its_token_was_not_refreshed_in_time(world: World) -> None:
    client = world.client(exp=STARTED_AT + 2)
    world.pass_time(26)
    assert client.closed is None
    world.pass_time(1)
    assert client.code == 3005


def test_a_refreshed_connection_goes_on(world: World) -> None:
    client = world.client(exp=STARTED_AT + 2)
    assert client.ask("refresh", token=token(sub="7", exp=STARTED_AT + 500)) == {"expires": True, "ttl": 500}
    assert client.ask("refresh", token=token(sub="7")) == {}
    assert client.closed is None


@pytest.mark.parametrize(
    ("with_token", "code"),
    [
        (None, 3501),
        ("", 3501),
        ("bad", 3500),
        (token(sub="7", key="k" * 64), 3500),
        (token(sub="8"), 3500),
        (token(sub="7", channel="a"), 3500),
        (token(sub="7", exp=STARTED_AT - 1), 3005),
        (token(sub="7", channels=["a"]), 3010),
    ],
)
def test_a_refresh_that_cannot_be_right_ends_the_connection(world: World, with_token: str | None, code: int) -> None:
    client = world.client()
    client.ask("refresh", token=with_token)
    assert client.code == code


def test_a_refresh_that_has_run_out_by_itself_is_answered_with_110(world: World) -> None:
    assert world.client().ask("refresh", token=token(sub="7", expire_at=int(STARTED_AT))) == EXPIRED


# Subscribing


def test_a_subscription_token_opens_a_channel_that_is_closed_to_clients(world: World) -> None:
    client = world.client()
    assert client.ask("subscribe", channel="personal:7") == DENIED
    reply = client.ask("subscribe", channel="personal:7", token=world.token("personal:7"))
    assert reply == {"recoverable": True, "positioned": True, "epoch": reply["epoch"]}
    assert len(reply["epoch"]) == 8


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"channel": "nowhere:1"}, 102),
        ({"channel": "closed:1"}, 103),
        ({"channel": "$a"}, 103),
        ({"channel": "a", "token": "bad"}, 103),
        ({"channel": "é"}, 107),
        ({"channel": "a" * 256}, 107),
        ({"channel": "letters:ABC"}, 107),
        ({"channel": "a", "tf": {"key": "x"}}, 107),
        ({"channel": "a", "type": 1}, 103),
        ({"channel": "a", "type": 4}, 108),
        ({"channel": "users:a#8,9"}, 103),
    ],
)
def test_a_subscribe_that_is_refused_leaves_the_connection_alone(
    world: World, request_: dict[str, Any], error: int
) -> None:
    client = world.client()
    assert client.ask("subscribe", **request_)["code"] == error
    assert client.ask("subscribe", channel="b") == {}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({}, 3501),
        ({"channel": ""}, 3501),
        ({"channel": "a", "delta": "unknown"}, 3501),
        ({"channel": "a", "type": 5}, 3004),
        ({"channel": "personal:7", "token": token(sub="7", channel="personal:8")}, 3500),
        ({"channel": "personal:7", "token": token(sub="8", channel="personal:7")}, 3500),
        ({"channel": "personal:7", "token": token(channel="personal:7")}, 3500),
        ({"channel": "personal:7", "token": token(sub="7", channel="personal:7", client="another")}, 3500),
    ],
)
def test_a_subscribe_that_cannot_be_meant_ends_the_connection(
    world: World, request_: dict[str, Any], code: int
) -> None:
    client = world.client()
    client.ask("subscribe", **request_)
    assert client.code == code


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"exp": STARTED_AT - 1}, TOKEN_EXPIRED),
        ({"exp": STARTED_AT + 0.5}, EXPIRED),
        ({"expire_at": int(STARTED_AT) - 1}, EXPIRED),
        ({"b64info": "%"}, DENIED),
    ],
)
def test_a_subscription_token_past_its_time_is_answered_with_an_error(
    world: World, claims: dict[str, Any], error: dict[str, Any]
) -> None:
    client = world.client()
    assert client.ask("subscribe", channel="personal:7", token=world.token("personal:7", **claims)) == error


def test_a_channel_is_subscribed_once_and_unsubscribed_as_often_as_one_likes(world: World) -> None:
    client = world.client()
    client.ask("subscribe", channel="a")
    assert client.ask("subscribe", channel="a")["code"] == 105
    assert [client.ask("unsubscribe", channel="a") for _ in range(2)] == [{}, {}]
    world.hub.publish("a", b"1")
    assert client.take() == []


def test_a_connection_has_no_more_subscriptions_than_the_limit() -> None:
    client = World({"channel_limit": 2}).client()
    assert [client.ask("subscribe", channel=name) for name in "ab"] == [{}, {}]
    assert client.ask("subscribe", channel="c") == {"code": 106, "message": "limit exceeded"}


def test_a_channel_may_list_its_users(world: World) -> None:
    assert world.client().ask("subscribe", channel="users:a#7,8") == {}


def test_a_client_has_no_positioning_that_its_namespace_does_not_allow(world: World) -> None:
    client = world.client()
    assert client.ask("subscribe", channel="a", recoverable=True, positioned=True, recover=True) == {
        "was_recovering": True
    }
    assert client.ask("subscribe", channel="open:a", positioned=True)["positioned"] is True
    assert client.ask("subscribe", channel="open:b", recoverable=True)["recoverable"] is True


def test_options_of_the_channel_may_be_overridden_by_the_token(world: World) -> None:
    override = {"force_recovery": {"value": True}}
    reply = world.client().ask("subscribe", channel="closed:1", token=world.token("closed:1", override=override))
    assert (reply["positioned"], reply["recoverable"]) == (True, True)


def test_a_subscription_that_is_not_refreshed_ends_and_may_be_taken_again(world: World) -> None:
    client = world.client()
    reply = client.ask("subscribe", channel="closed:1", token=world.token("closed:1", exp=STARTED_AT + 2))
    assert (reply["expires"], reply["ttl"]) == (True, 2)
    world.pass_time(26)
    assert client.take() == []
    world.pass_time(1)
    assert client.take() == [{"channel": "closed:1", "unsubscribe": {"code": 2501, "reason": "subscription expired"}}]
    assert client.ask("subscribe", channel="closed:1", token=world.token("closed:1")) == {}


def test_a_refreshed_subscription_goes_on(world: World) -> None:
    client = world.client()
    client.ask("subscribe", channel="closed:1", token=world.token("closed:1", exp=STARTED_AT + 2))
    fresh = world.token("closed:1", exp=STARTED_AT + 90)
    assert client.ask("sub_refresh", channel="closed:1", token=fresh) == {"expires": True, "ttl": 90}
    assert client.ask("sub_refresh", channel="closed:1", token=world.token("closed:1")) == {}


def test_an_expired_token_in_a_sub_refresh_ends_the_subscription_for_a_new_one(world: World) -> None:
    client = world.client()
    client.ask("subscribe", channel="closed:1", token=world.token("closed:1"))
    old = world.token("closed:1", exp=STARTED_AT - 1)
    assert client.ask("sub_refresh", channel="closed:1", token=old) == {}
    assert [push["unsubscribe"]["code"] for push in client.take()] == [2501]


@pytest.mark.parametrize(
    ("request_", "outcome"),
    [
        ({"channel": "a", "token": "bad"}, DENIED),
        ({"channel": "closed:1"}, {"code": 107, "message": "bad request"}),
        ({"channel": "closed:1", "token": token(sub="7", channel="closed:1", expire_at=5)}, EXPIRED),
        ({"channel": "closed:1", "token": "bad"}, 3500),
        ({"channel": "closed:1", "token": token(sub="8", channel="closed:1")}, 3500),
        ({"token": "bad"}, 3501),
    ],
)
def test_a_sub_refresh_that_is_not_right_is_refused(world: World, request_: dict[str, Any], outcome: Any) -> None:
    client = world.client()
    client.ask("subscribe", channel="closed:1", token=world.token("closed:1"))
    assert (client.ask("sub_refresh", **request_) or client.code) == outcome


# Subscribed by the server


def test_the_token_subscribes_the_client_to_what_it_lists(world: World) -> None:
    client = world.socket()
    client.connect(token(sub="7", subs={"personal:7": {"data": {"d": 1}, "info": {"i": 2}}, "open:a": {}}))
    reply, join = client.received
    assert reply["connect"]["subs"]["personal:7"]["data"] == {"d": 1}
    assert (join["push"]["channel"], "join" in join["push"]) == ("open:a", True)
    world.hub.publish("personal:7", b"1")
    assert client.take()[-1]["pub"]["data"] == 1


def test_a_client_that_comes_back_recovers_its_server_side_subscriptions(world: World) -> None:
    first = world.hub.publish("personal:7", b"1")
    world.hub.publish("personal:7", b"2")
    client = world.socket()
    position = {"recover": True, "offset": first.offset, "epoch": first.epoch}
    client.connect(token(sub="7", channels=["personal:7"]), subs={"personal:7": position, "personal:8": position})
    subs = client.received[0]["connect"]["subs"]
    assert subs.keys() == {"personal:7"}
    assert [publication["data"] for publication in subs["personal:7"]["publications"]] == [2]


def test_a_client_that_comes_back_to_an_unknown_namespace_is_closed(world: World) -> None:
    client = world.socket()
    client.connect(token(sub="7"), subs={"nowhere:1": {}})
    assert client.code == 3501


def test_every_user_may_be_subscribed_to_their_personal_channel() -> None:
    personal = {"enabled": True, "personal_channel_namespace": "personal"}
    world = World({"subscribe_to_user_personal_channel": personal})
    client = world.client()
    world.hub.publish("personal:#7", b"1")
    assert [push["channel"] for push in client.take()] == ["personal:#7"]
    assert client.ask("subscribe", channel="personal:#7")["code"] == 105


def test_a_token_with_more_channels_than_the_limit_is_closed_with_3505() -> None:
    client = World({"channel_limit": 2}).socket()
    client.connect(token(sub="7", channels=["a", "b", "c"]))
    assert client.code == 3505


# In a channel


def test_a_publisher_sees_its_publication_before_the_reply(world: World) -> None:
    client = world.client(info={"n": "Ada"})
    client.ask("subscribe", channel="open:a")
    client.received.clear()
    client.say('{"id":9,"publish":{"channel":"open:a","data":{"text":"hi"}}}')
    push, reply = client.received
    assert push["push"]["pub"]["data"] == {"text": "hi"}
    assert push["push"]["pub"]["info"] == {"user": "7", "client": client.id, "conn_info": {"n": "Ada"}}
    assert reply == {"id": 9, "publish": {}}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"channel": "open:a"}, 107),
        ({"channel": "open:b", "data": 1}, 103),
        ({"channel": "a", "data": 1}, 103),
        ({"channel": "nowhere:a", "data": 1}, 102),
        ({"channel": "open:é", "data": 1}, 107),
    ],
)
def test_a_publish_that_is_not_allowed_is_refused(world: World, request_: dict[str, Any], code: int) -> None:
    client = world.client()
    client.ask("subscribe", channel="open:a")
    assert client.ask("publish", **request_)["code"] == code


def test_null_is_a_publication(world: World) -> None:
    client = world.client()
    client.ask("subscribe", channel="open:a")
    client.take()
    assert client.ask("publish", channel="open:a", data=None) == {}
    assert client.take()[0]["pub"]["data"] is None


def test_presence_tells_who_is_subscribed(world: World) -> None:
    ada, bob = world.client("ada", info={"n": 1}), world.client("bob")
    ada.ask("subscribe", channel="open:a")
    bob.ask("subscribe", channel="open:a", token=world.token("open:a", "bob", info={"c": 2}))
    assert ada.ask("presence", channel="open:a") == {
        "presence": {
            ada.id: {"user": "ada", "client": ada.id, "conn_info": {"n": 1}},
            bob.id: {"user": "bob", "client": bob.id, "chan_info": {"c": 2}},
        }
    }
    assert ada.ask("presence_stats", channel="open:a") == {"num_clients": 2, "num_users": 2}
    bob.connection.lost()
    assert ada.ask("presence_stats", channel="open:a") == {"num_clients": 1, "num_users": 1}


@pytest.mark.parametrize(("channel", "code"), [("open:z", 103), ("a", 108), ("nowhere:a", 102)])
def test_presence_and_history_are_for_those_who_may(world: World, channel: str, code: int) -> None:
    client = world.client()
    for method in ("presence", "presence_stats", "history"):
        assert client.ask(method, channel=channel)["code"] == code


def test_joining_and_leaving_is_told_once_however_one_leaves(world: World) -> None:
    watcher = world.client("watcher")
    watcher.ask("subscribe", channel="open:a")
    assert [push["join"]["info"]["user"] for push in watcher.take()] == ["watcher"]
    for leave in ("unsubscribe", "socket", "disconnect"):
        other = world.client("other")
        other.ask("subscribe", channel="open:a")
        if leave == "unsubscribe":
            other.ask("unsubscribe", channel="open:a")
        elif leave == "disconnect":
            world.hub.disconnect("other", 3503, "force disconnect")
        other.connection.lost()
        other.connection.lost()
        kinds = [next(iter(push.keys() - {"channel"})) for push in watcher.take()]
        assert kinds == ["join", "leave"], leave


def test_history_is_paged_in_both_directions(world: World) -> None:
    client = world.client()
    client.ask("subscribe", channel="open:a")
    for n in range(1, 6):
        world.hub.publish("open:a", b"%d" % n, tags={"n": str(n)})

    def page(**request: Any) -> list[int]:
        reply = client.ask("history", channel="open:a", **request)
        assert reply["offset"] == 5
        return [publication["offset"] for publication in reply["publications"]]

    assert page() == []
    assert page(limit=-1) == [1, 2, 3, 4, 5]
    assert page(limit=2) == [1, 2]
    assert page(limit=2, since={"offset": 2}) == [3, 4]
    assert page(limit=2, reverse=True) == [5, 4]
    assert page(limit=9, since={"offset": 3}, reverse=True) == [2, 1]
    assert page(limit=9, since={"offset": 9}) == []
    assert page(limit=9, since={"offset": 9}, reverse=True) == []
    assert client.ask("history", channel="open:a", since={"offset": 0}, reverse=True)["code"] == 107
    assert client.ask("history", channel="open:a", since={"offset": 1, "epoch": "other"})["code"] == 112


def test_a_client_reads_no_more_history_than_the_limit() -> None:
    world = World({"history_max_publication_limit": 2})
    client = world.client()
    client.ask("subscribe", channel="open:a")
    for _ in range(5):
        world.hub.publish("open:a", b"1")
    for limit in (-1, 100):
        assert len(client.ask("history", channel="open:a", limit=limit)["publications"]) == 2


def test_rpc_is_not_available_and_send_ends_the_connection(world: World) -> None:
    client = world.client()
    assert client.ask("rpc", method="x")["code"] == 108
    client.say('{"send":{"data":1}}')
    assert client.code == 3508


# Recovery


def test_a_client_that_comes_back_gets_exactly_what_it_missed(world: World) -> None:
    published = [world.hub.publish("personal:7", b"%d" % n) for n in range(1, 8)]
    outcomes = {}
    for offset in range(9):
        client = world.client()
        outcomes[offset] = client.ask(
            "subscribe",
            channel="personal:7",
            token=world.token("personal:7"),
            recover=True,
            offset=offset,
            epoch=published[0].epoch,
        )
    for offset in (2, 3, 6, 7):
        reply = outcomes[offset]
        assert (reply["recovered"], reply["was_recovering"], reply["offset"]) == (True, True, offset)
        assert [publication["offset"] for publication in reply.get("publications", [])] == [*range(offset + 1, 8)]
    for offset in (0, 1, 8):
        reply = outcomes[offset]
        assert "recovered" not in reply
        assert "publications" not in reply
        assert (reply["was_recovering"], reply["offset"]) == (True, 7)


def test_another_epoch_is_not_recovered_from_and_is_refused_on_request(world: World) -> None:
    world.hub.publish("personal:7", b"1")
    request = {"channel": "personal:7", "token": world.token("personal:7"), "recover": True, "epoch": "AAAAAAAA"}
    assert world.client().ask("subscribe", **request, flag=2)["code"] == 112
    assert "recovered" not in world.client().ask("subscribe", **request)


def test_no_more_is_recovered_than_the_limit() -> None:
    world = World({"recovery_max_publication_limit": 2})
    for _ in range(5):
        world.hub.publish("personal:7", b"1")
    request = {"channel": "personal:7", "token": world.token("personal:7"), "recover": True}
    assert world.client().ask("subscribe", **request, offset=3)["recovered"] is True
    assert "recovered" not in world.client().ask("subscribe", **request, offset=2)


def test_a_cache_channel_recovers_its_newest_publication_from_anywhere(world: World) -> None:
    for n in range(3):
        world.hub.publish("newest:a", b"%d" % n)
    client = world.client()
    reply = client.ask("subscribe", channel="newest:a", recover=True, offset=9, epoch="other")
    assert (reply["recovered"], reply["offset"]) == (True, 9)
    assert [publication["data"] for publication in reply["publications"]] == [2]


# What the server does to a client


def test_the_server_ends_subscriptions_and_connections(world: World) -> None:
    client, other = world.client(), world.client("8")
    client.ask("subscribe", channel="a")
    world.hub.disconnect("7", 4001, "told so")
    assert (client.closed and client.closed.reason, client.code, other.closed) == ("told so", 4001, None)
    client.say('{"id":9,"subscribe":{"channel":"a"}}')
    world.hub.publish("a", b"1")
    assert client.received == []


async def test_a_closing_hub_closes_everybody_and_whoever_still_comes(world: World) -> None:
    clients = [world.client(user) for user in "abc"]
    await world.hub.close()
    assert [client.code for client in clients] == [3001, 3001, 3001]
    late = world.socket()
    late.connect(token(sub="7"))
    assert late.code == 3001


def test_no_secret_of_the_configuration_is_ever_sent(world: World) -> None:
    client = world.client()
    client.ask("subscribe", channel="open:a")
    assert SECRET not in json.dumps(client.received)
