"""Which channels a client may subscribe to, by token or by the namespace's options, and for how long."""

from typing import Any

import pytest

from centrifugo.hub.connection.subscriptions import MAX_CHANNELS
from tests.support.socketless_hub import STARTED_AT, World, token

DENIED = {"code": 103, "message": "permission denied"}
TOKEN_EXPIRED = {"code": 109, "message": "token expired"}
EXPIRED = {"code": 110, "message": "expired"}


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
        ({"channel": "a", "token": "bad"}, 103),
        ({"channel": "é"}, 107),
        ({"channel": "a" * 256}, 107),
        ({"channel": "a", "tf": {"key": "x"}}, 107),
        ({"channel": "a", "type": 1}, 103),
        ({"channel": "a", "token": token(channel="a")}, 103),
    ],
)
def test_a_refused_subscribe_leaves_the_connection_open(world: World, request_: dict[str, Any], error: int) -> None:
    client = world.client()
    assert client.ask("subscribe", **request_)["code"] == error
    assert client.ask("subscribe", channel="b") == {}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({}, 3501),
        ({"channel": ""}, 3501),
        ({"channel": "personal:7", "token": token(sub="7", channel="personal:8")}, 3500),
        ({"channel": "personal:7", "token": token(sub="8", channel="personal:7")}, 3500),
    ],
)
def test_a_subscribe_without_a_channel_or_with_the_token_of_another_ends_the_connection(
    world: World, request_: dict[str, Any], code: int
) -> None:
    client = world.client()
    client.ask("subscribe", **request_)
    assert client.code == code


@pytest.mark.parametrize(
    ("exp", "error"),
    [(STARTED_AT - 1, TOKEN_EXPIRED), (STARTED_AT + 0.5, EXPIRED)],
    ids=["past", "within this second"],
)
def test_a_subscription_token_past_its_time_is_answered_with_an_error(
    world: World, exp: float, error: dict[str, Any]
) -> None:
    client = world.client()
    assert client.ask("subscribe", channel="personal:7", token=world.token("personal:7", exp=exp)) == error
    assert client.code is None


def test_a_channel_is_subscribed_once_and_may_be_unsubscribed_twice(world: World) -> None:
    client = world.client()
    client.ask("subscribe", channel="a")
    assert client.ask("subscribe", channel="a")["code"] == 105
    assert [client.ask("unsubscribe", channel="a") for _ in range(2)] == [{}, {}]
    world.hub.publish("a", b"1")
    assert client.take() == []


def test_a_connection_has_no_more_subscriptions_than_the_limit(world: World) -> None:
    client = world.client()
    assert [client.ask("subscribe", channel=str(n)) for n in range(MAX_CHANNELS)] == [{}] * MAX_CHANNELS
    assert client.ask("subscribe", channel="a") == {"code": 106, "message": "limit exceeded"}


def test_a_client_cannot_recover_in_a_channel_without_recovery(world: World) -> None:
    client = world.client()
    assert client.ask("subscribe", channel="a", recoverable=True, positioned=True, recover=True) == {
        "was_recovering": True
    }


def test_a_subscription_that_is_not_refreshed_ends_and_can_be_made_again(world: World) -> None:
    client = world.client()
    reply = client.ask("subscribe", channel="closed:1", token=world.token("closed:1", exp=STARTED_AT + 2))
    assert (reply["expires"], reply["ttl"]) == (True, 2)
    world.pass_time(26)
    assert client.take() == []
    world.pass_time(1)
    assert client.take() == [{"channel": "closed:1", "unsubscribe": {"code": 2501, "reason": "subscription expired"}}]
    assert client.ask("subscribe", channel="closed:1", token=world.token("closed:1")) == {}


def test_a_subscription_is_refreshed_with_another_token(world: World) -> None:
    client = world.client()
    client.ask("subscribe", channel="closed:1", token=world.token("closed:1", exp=STARTED_AT + 2))
    fresh = world.token("closed:1", exp=STARTED_AT + 90)
    assert client.ask("sub_refresh", channel="closed:1", token=fresh) == {"expires": True, "ttl": 90}
    assert client.ask("sub_refresh", channel="closed:1", token=world.token("closed:1")) == {}


@pytest.mark.parametrize("exp", [STARTED_AT - 1, STARTED_AT + 0.5], ids=["past", "within this second"])
def test_a_sub_refresh_with_an_expired_token_ends_the_subscription_so_that_the_client_makes_another(
    world: World, exp: float
) -> None:
    client = world.client()
    client.ask("subscribe", channel="closed:1", token=world.token("closed:1"))
    old = world.token("closed:1", exp=exp)
    assert client.ask("sub_refresh", channel="closed:1", token=old) == {}
    assert [push["unsubscribe"]["code"] for push in client.take()] == [2501]


@pytest.mark.parametrize(
    ("request_", "outcome"),
    [
        ({"channel": "a", "token": "bad"}, DENIED),
        ({"channel": "closed:1"}, {"code": 107, "message": "bad request"}),
        ({"channel": "closed:1", "token": "bad"}, 3500),
        ({"channel": "closed:1", "token": token(sub="8", channel="closed:1")}, 3500),
        ({"token": "bad"}, 3501),
    ],
)
def test_a_bad_sub_refresh_is_refused_or_ends_the_connection(
    world: World, request_: dict[str, Any], outcome: Any
) -> None:
    client = world.client()
    client.ask("subscribe", channel="closed:1", token=world.token("closed:1"))
    assert (client.ask("sub_refresh", **request_) or client.code) == outcome
