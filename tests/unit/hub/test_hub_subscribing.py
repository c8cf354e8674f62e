"""Which channels a client hears, by tokens and by rules of the namespace, and for how long."""

from typing import Any

import pytest

from tests.support.hub_clients import STARTED_AT, World, token

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
