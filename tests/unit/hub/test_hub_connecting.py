"""How a client connects and stays connected, and when it is closed."""

import json
from typing import Any

import pytest

from tests.support.hub_clients import SECRET, STARTED_AT, World, token

TOKEN_EXPIRED = {"code": 109, "message": "token expired"}
EXPIRED = {"code": 110, "message": "expired"}


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
