"""Publishing to one channel and to many: order, offsets and idempotency."""

import asyncio
import json

import pytest

from centrifugo.hub.channels.idempotency_window import KEY_COST, IdempotencyWindow, PublishResult
from centrifugo.hub.hub import CHANNELS_PER_TURN
from centrifugo.hub.protocol.codes import SLOW, Refused
from tests.support.socketless_hub import HubClient, World, token


def subscribed(world: World, channel: str) -> HubClient:
    client = world.client()
    client.ask("subscribe", channel=channel, token=world.token(channel))
    client.take()
    return client


def publications(client: HubClient) -> list[object]:
    return [push["pub"]["data"] for push in client.take()]


def test_publications_arrive_in_the_order_of_their_offsets(world: World) -> None:
    client = subscribed(world, "personal:7")
    for n in range(5):
        world.hub.publish("personal:7", b"%d" % n)
    pushes = client.take()
    assert [push["pub"]["offset"] for push in pushes] == [1, 2, 3, 4, 5]
    assert [push["pub"]["data"] for push in pushes] == [0, 1, 2, 3, 4]
    assert [("epoch" in push["pub"]) for push in pushes] == [True, False, False, False, False]


def test_a_client_that_is_cut_off_during_a_publication_does_not_keep_it_from_the_others(world: World) -> None:
    class Slow(HubClient):
        def send(self, line: bytes) -> None:
            super().send(line)
            if b'"pub"' in line:
                self.connection.disconnect(SLOW)

    before, slow, after = world.client(), Slow(world.hub), world.client()
    slow.connect(token(sub="8"))
    for client in (before, slow, after):
        client.ask("subscribe", channel="a")
    for n in range(2):
        world.hub.publish("a", b"%d" % n)
    assert [publications(client) for client in (before, slow, after)] == [[0, 1], [0], [0, 1]]
    assert slow.code == 3008


def test_a_channel_without_history_has_no_offsets(world: World) -> None:
    client = subscribed(world, "a")
    assert world.hub.publish("a", b'{"n":1}') == PublishResult()
    assert client.take() == [{"channel": "a", "pub": {"data": {"n": 1}}}]


def test_newlines_in_the_data_never_reach_a_frame(world: World) -> None:
    client = subscribed(world, "a")
    world.hub.publish("a", b'{\n "n": "1\\n2"\n}')
    assert publications(client) == [{"n": "1\n2"}]


def test_history_keeps_a_publication_that_has_no_subscriber(world: World) -> None:
    world.hub.publish("personal:7", b"1")
    _, kept = world.hub.read_history("personal:7", limit=-1)
    assert [offset for offset, _ in kept] == [1]


@pytest.mark.parametrize(("channel", "code"), [("nowhere:1", 102), ("", 107)])
def test_a_publication_to_an_unknown_channel_or_to_none_is_refused(world: World, channel: str, code: int) -> None:
    with pytest.raises(Refused) as refused:
        world.hub.publish(channel, b"1")
    assert refused.value.error.code == code


def test_a_repeated_key_publishes_once_and_returns_the_first_result(world: World) -> None:
    client = subscribed(world, "personal:7")
    first = world.hub.publish("personal:7", b"1", idempotency_key="k")
    world.hub.publish("personal:7", b"2")
    assert world.hub.publish("personal:7", b"3", idempotency_key="k") == first
    assert publications(client) == [1, 2]


def test_a_key_belongs_to_one_channel(world: World) -> None:
    client = subscribed(world, "a_b")
    other = subscribed(world, "a")
    world.hub.publish("a_b", b"1", idempotency_key="c")
    world.hub.publish("a", b"2", idempotency_key="b_c")
    assert (publications(client), publications(other)) == ([1], [2])


def test_a_key_is_forgotten_five_minutes_after_its_first_use(world: World) -> None:
    client = subscribed(world, "a")
    world.hub.publish("a", b"1", idempotency_key="k")
    world.pass_time(299)
    world.hub.publish("a", b"2", idempotency_key="k")
    world.pass_time(1)
    world.hub.publish("a", b"3", idempotency_key="k")
    assert publications(client) == [1, 3]


def test_the_window_keeps_the_newest_keys_within_its_cost() -> None:
    window = IdempotencyWindow(max_cost=100 * (KEY_COST + 1))
    for n in range(1_000):
        window.remember(window.of(str(n), now=0.0), "a", PublishResult(n + 1, "e"), now=0.0)
    assert len(window) == 100
    kept = [n for n in range(1_000) if window.first(window.of(str(n), now=0.0), "a", now=0.0)]
    assert kept == [*range(900, 1_000)]


def test_a_key_is_kept_as_long_as_one_of_its_channels_needs_it() -> None:
    window = IdempotencyWindow(window_s=300)
    for now in range(0, 3_000, 100):
        window.remember(window.of("k", now), str(now), PublishResult(), now)
        window.sweep(now)
        assert window.first(window.of("k", now), str(now - 200), now) is not None or now < 200
        assert window.first(window.of("k", now), str(now - 300), now) is None
        assert len(window) <= 6
    window.sweep(10_000)
    window.sweep(10_300)
    assert len(window) == 0


def test_a_sweep_of_the_window_stops_at_its_limit() -> None:
    window = IdempotencyWindow(window_s=300)
    for n in range(1_000):
        window.remember(window.of(str(n), now=0.0), "a", PublishResult(), now=0.0)
    assert window.sweep(300, limit=100) is True
    assert len(window) == 900
    while window.sweep(300, limit=100):
        pass
    assert len(window) == 0


def test_ticks_remove_outdated_keys(world: World) -> None:
    for n in range(100):
        world.hub.publish("personal:7", b"1", idempotency_key=str(n))
    assert len(world.hub.idempotency) == 100
    world.pass_time(301)
    assert len(world.hub.idempotency) == 0


# Broadcasts


async def test_a_broadcast_answers_for_each_channel_in_its_place(world: World) -> None:
    client = subscribed(world, "a")
    plain, refused, kept = await world.hub.broadcast(["a", "nowhere:1", "personal:7"], b'{"n":1}')
    assert plain == PublishResult()
    assert isinstance(refused, Refused)
    assert refused.error.code == 102
    assert isinstance(kept, PublishResult)
    assert kept.offset == 1
    assert publications(client) == [{"n": 1}]


async def test_a_repeated_broadcast_reaches_only_the_channels_that_the_first_did_not(world: World) -> None:
    clients = [subscribed(world, name) for name in ("a", "b")]
    world.hub.publish("a", b"1", idempotency_key="k")
    await world.hub.broadcast(["a", "b"], b"1", idempotency_key="k")
    await world.hub.broadcast(["b", "b"], b"1", idempotency_key="k")
    assert [publications(client) for client in clients] == [[1], [1]]


async def test_a_channel_listed_twice_without_a_key_is_published_to_twice(world: World) -> None:
    results = await world.hub.broadcast(["personal:7", "personal:7"], b"1")
    assert [result.offset for result in results if isinstance(result, PublishResult)] == [1, 2]


async def test_a_broadcast_yields_the_event_loop_between_channels(world: World) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await world.hub.broadcast([f"personal:{n}" for n in range(10 * CHANNELS_PER_TURN)], b"1")
    task.cancel()
    assert turns >= 9


async def test_the_data_of_a_broadcast_is_kept_once_for_all_channels(world: World) -> None:
    data = json.dumps("x" * 10_000).encode()
    await world.hub.broadcast([f"personal:{n}" for n in range(1_000)], data)
    assert 10_000 < world.hub.history.memory_bytes < 20_000


async def test_concurrent_broadcasts_leave_no_gaps_in_the_offsets_of_a_channel(world: World) -> None:
    channels = [f"personal:{n}" for n in range(3 * CHANNELS_PER_TURN)]
    await asyncio.gather(*(world.hub.broadcast(channels, b"%d" % n) for n in range(3)))
    for channel in channels:
        stream, kept = world.hub.read_history(channel, limit=-1)
        assert stream.top == 3
        assert sorted(item.body for _, item in kept) == [b'"data":0', b'"data":1', b'"data":2']
