"""What a client that comes back gets of what it missed."""

from tests.support.hub_clients import World


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
