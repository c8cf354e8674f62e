"""What clients may do in a channel besides subscribing: publish, see who is there, read its history."""

from typing import Any

import pytest

from tests.support.socketless_hub import World


def test_a_client_gets_its_own_publication_before_the_reply(world: World) -> None:
    client = world.client()
    client.ask("subscribe", channel="open:a")
    client.received.clear()
    client.say('{"id":9,"publish":{"channel":"open:a","data":{"text":"hi"}}}')
    push, reply = client.received
    assert push["push"]["pub"]["data"] == {"text": "hi"}
    assert push["push"]["pub"]["info"] == {"user": "7", "client": client.id}
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
def test_a_publish_without_permission_is_refused(world: World, request_: dict[str, Any], code: int) -> None:
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
    ada, bob = world.client("ada"), world.client("bob")
    ada.ask("subscribe", channel="open:a")
    bob.ask("subscribe", channel="open:a", token=world.token("open:a", "bob"))
    assert ada.ask("presence", channel="open:a") == {
        "presence": {
            ada.id: {"user": "ada", "client": ada.id},
            bob.id: {"user": "bob", "client": bob.id},
        }
    }
    assert ada.ask("presence_stats", channel="open:a") == {"num_clients": 2, "num_users": 2}
    bob.connection.lost()
    assert ada.ask("presence_stats", channel="open:a") == {"num_clients": 1, "num_users": 1}


@pytest.mark.parametrize(("channel", "code"), [("open:z", 103), ("a", 108), ("nowhere:a", 102)])
def test_presence_and_history_are_refused_without_permission(world: World, channel: str, code: int) -> None:
    client = world.client()
    for method in ("presence", "presence_stats", "history"):
        assert client.ask(method, channel=channel)["code"] == code


def test_joins_and_leaves_are_pushed_once_however_a_client_leaves(world: World) -> None:
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
        world.hub.publish("open:a", b"%d" % n)

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


def test_rpc_is_not_available_and_send_ends_the_connection(world: World) -> None:
    client = world.client()
    assert client.ask("rpc", method="x")["code"] == 108
    client.say('{"send":{"data":1}}')
    assert client.code == 3508
