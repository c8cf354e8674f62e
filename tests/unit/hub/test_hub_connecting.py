"""How a client connects and stays connected, and when its connection is closed."""

import json

import pytest

from tests.support.socketless_hub import SECRET, STARTED_AT, World, token

TOKEN_EXPIRED = {"code": 109, "message": "token expired"}


def test_the_connect_reply_has_the_client_id_and_the_ping_interval(world: World) -> None:
    client = world.socket()
    client.connect(token(sub="7"))
    (reply,) = client.received
    assert reply["id"] == 1_000
    assert reply["connect"].keys() == {"client", "version", "ping", "pong"}
    assert (reply["connect"]["ping"], reply["connect"]["pong"]) == (25, True)


def test_the_connect_reply_has_the_time_to_live_of_the_connection(world: World) -> None:
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
def test_a_first_command_other_than_a_connect_with_a_token_is_closed_with_3501(world: World, line: str) -> None:
    client = world.socket()
    client.say(line)
    assert (client.code, client.received) == (3501, [])


def test_a_second_connect_is_closed_with_3501(world: World) -> None:
    client = world.client()
    client.connect(token(sub="7"))
    assert client.code == 3501


def test_unknown_fields_and_null_fields_are_ignored(world: World) -> None:
    client = world.socket()
    client.say(json.dumps({"id": 1, "new": [1], "subscribe": None, "connect": {"token": token(sub="7"), "name": None}}))
    assert "connect" in client.received[0]


@pytest.mark.parametrize("exp", [STARTED_AT - 1, STARTED_AT + 0.5], ids=["past", "within this second"])
def test_a_connect_with_an_expired_token_is_answered_with_109_and_the_connection_is_dropped_in_five_seconds(
    world: World, exp: float
) -> None:
    client = world.socket()
    client.connect(token(sub="7", exp=exp))
    assert client.received == [{"id": 1_000, "error": TOKEN_EXPIRED}]
    client.connect(token(sub="7"))
    world.pass_time(4)
    assert (len(client.received), client.closed, client.dropped) == (1, None, False)
    world.pass_time(1)
    assert (client.closed, client.dropped) == (None, True)


def test_a_client_that_does_not_connect_is_closed_as_stale_after_ten_seconds(world: World) -> None:
    client = world.socket()
    world.pass_time(9)
    assert client.closed is None
    world.pass_time(1)
    assert client.code == 3502


def test_a_connect_with_an_invalid_token_is_closed_with_3500(world: World) -> None:
    client = world.socket()
    client.connect("bad")
    assert client.code == 3500


def test_a_client_that_does_not_answer_a_ping_is_closed(world: World) -> None:
    client = world.client()
    client.answers = False
    world.pass_time(25)
    assert client.received == [{}]
    world.pass_time(8)
    assert client.code == 3012


def test_a_client_that_answers_pings_stays_connected(world: World) -> None:
    client = world.client()
    world.pass_time(200)
    assert client.closed is None


@pytest.mark.parametrize("pong", ["{}", '{"id":0}', '{"subscribe":{"channel":"a"}}'])
def test_a_pong_without_a_ping_is_closed_with_3501(world: World, pong: str) -> None:
    client = world.client()
    client.say(pong)
    assert client.code == 3501


def test_a_connection_that_is_not_refreshed_in_time_is_closed(world: World) -> None:
    client = world.client(exp=STARTED_AT + 2)
    world.pass_time(26)
    assert client.closed is None
    world.pass_time(1)
    assert client.code == 3005


def test_a_refreshed_connection_stays_open(world: World) -> None:
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
    ],
)
def test_a_refresh_with_a_bad_token_ends_the_connection(world: World, with_token: str | None, code: int) -> None:
    client = world.client()
    client.ask("refresh", token=with_token)
    assert client.code == code


def test_a_disconnected_client_gets_nothing_more(world: World) -> None:
    client, other = world.client(), world.client("8")
    client.ask("subscribe", channel="a")
    world.hub.disconnect("7", 4001, "logged out")
    assert (client.closed and client.closed.reason, client.code, other.closed) == ("logged out", 4001, None)
    client.say('{"id":9,"subscribe":{"channel":"a"}}')
    world.hub.publish("a", b"1")
    assert client.received == []


async def test_a_closing_hub_closes_every_client_and_those_that_still_connect(world: World) -> None:
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


def test_a_user_has_so_many_connections_and_others_have_theirs() -> None:
    world = World({"user_connection_limit": 2})
    first, _ = world.client(), world.client()
    refused = world.socket()
    refused.connect(token(sub="7"))
    assert refused.closed is not None
    assert (refused.closed.code, refused.closed.reason) == (3504, "connection limit")
    world.client(user="8")
    first.connection.lost()
    world.client()
