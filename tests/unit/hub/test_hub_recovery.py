"""Recovery: which missed publications a returning client gets."""

from tests.support.socketless_hub import World


def test_a_returning_client_gets_exactly_what_it_missed(world: World) -> None:
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


def test_a_position_of_another_epoch_is_not_recovered(world: World) -> None:
    world.hub.publish("personal:7", b"1")
    request = {"channel": "personal:7", "token": world.token("personal:7"), "recover": True, "epoch": "AAAAAAAA"}
    assert "recovered" not in world.client().ask("subscribe", **request)


def test_no_more_is_recovered_than_the_limit() -> None:
    world = World({"recovery_max_publication_limit": 2})
    for _ in range(5):
        world.hub.publish("personal:7", b"1")
    request = {"channel": "personal:7", "token": world.token("personal:7"), "recover": True}
    assert world.client().ask("subscribe", **request, offset=3)["recovered"] is True
    assert "recovered" not in world.client().ask("subscribe", **request, offset=2)
