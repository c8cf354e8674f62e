"""Publications, and which of them travel together in one call."""

import json

import pytest

from centrifugo.batching import CALL_BYTES, batch_body, calls
from centrifugo.publisher import PER_CALL, Channels, Publication


def publication(names: list[str], data: bytes = b"1", key: str = "k") -> Publication:
    return Publication(Channels(names), data, key)


def numbered(count: int, *, start: int = 0) -> list[str]:
    return [f"personal:{n}" for n in range(start, start + count)]


@pytest.mark.parametrize("data", [b"", b"{", b"{}}", b'"\xff"', b"{'a': 1}", b"1, 2"])
def test_a_publication_must_carry_json(data: bytes) -> None:
    with pytest.raises(ValueError, match="JSON"):
        publication(["personal:1"], data)


def test_the_parts_of_a_publication_are_its_channels_in_order_with_its_data_and_key() -> None:
    names = numbered(2 * PER_CALL + 1)
    parts = publication(names, b"[1]", "room:1").parts
    assert [len(part.channels) for part in parts] == [PER_CALL, PER_CALL, 1]
    assert [name for part in parts for name in part.channels.names] == names
    assert {(part.data, part.idempotency_key) for part in parts} == {(b"[1]", "room:1")}


def test_a_broadcast_repeated_to_the_same_channels_encodes_them_once() -> None:
    channels = Channels(numbered(PER_CALL + 1))
    first = [part.channels.json for part in Publication(channels, b"1", "a").parts]
    again = [part.channels.json for part in Publication(channels, b"2", "b").parts]
    assert all(one is other for one, other in zip(first, again, strict=True))


def test_many_small_publications_travel_in_few_calls() -> None:
    small = [publication(numbered(5, start=5 * n)) for n in range(1_000)]
    assert [len(call) for call in calls(small)] == [200] * 5


def test_a_call_carries_no_channel_twice() -> None:
    same, other = publication(["personal:1", "personal:2"]), publication(["personal:3"])
    also = publication(["personal:2", "personal:4"])
    assert [[part.index for part in call] for call in calls([same, other, also, same])] == [[0, 1], [2], [3]]


def test_the_last_part_of_a_large_publication_leaves_room_for_the_next() -> None:
    large, small = publication(numbered(PER_CALL + 1)), publication(["personal:x"])
    assert [[part.index for part in call] for call in calls([large, small])] == [[0], [0, 1]]


def test_a_call_is_not_filled_beyond_its_bytes() -> None:
    heavy = [publication([f"personal:{n}"], b'"%b"' % (b"x" * (CALL_BYTES // 3))) for n in range(5)]
    assert [len(call) for call in calls(heavy)] == [2, 2, 1]


def test_a_publication_heavier_than_a_call_travels_alone() -> None:
    heavy, light = publication(["personal:1"], b'"%b"' % (b"x" * CALL_BYTES)), publication(["personal:2"])
    assert [[part.index for part in call] for call in calls([light, heavy, light])] == [[0], [1], [2]]


def test_a_body_is_the_servers_batch_of_broadcasts() -> None:
    (call,) = calls([publication(['personal:"é"'], b'{"a": "\xc3\xa9"}', 'a "key"'), publication(["personal:2"])])
    assert json.loads(batch_body(call)) == {
        "commands": [
            {"broadcast": {"channels": ['personal:"é"'], "data": {"a": "é"}, "idempotency_key": 'a "key"'}},
            {"broadcast": {"channels": ["personal:2"], "data": 1, "idempotency_key": "k"}},
        ]
    }
