"""Subscriptions that the server makes: those that a token lists, and everybody's personal channel."""

from tests.support.hub_clients import World, token


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
