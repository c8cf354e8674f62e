"""Retention: what a channel keeps, for how long, and what all of them together may take."""

import string

import pytest

from centrifugo.durations import Duration
from centrifugo.hub.configuration.options import ChannelOptions
from centrifugo.hub.history import NUMBER_BYTES, PUBLICATION_BYTES, History, Publication, Stream

OPTIONS = ChannelOptions(history_size=3, history_ttl=Duration(60))
DAY_S = 86_400.0


@pytest.fixture
def history() -> History:
    return History(meta_ttl=30 * DAY_S)


def publish(history: History, stream: Stream, *bodies: bytes, now: float = 0.0) -> None:
    for body in bodies:
        history.append(stream, Publication(body), now)


def opened(history: History, channel: str, options: ChannelOptions, now: float) -> Stream:
    return history.find(channel, now) or history.open(channel, options, now)


def bodies(history: History, stream: Stream) -> list[bytes]:
    return [publication.body for publication in history.after(stream, 0, None)[1]]


def sweep(history: History, now: float) -> None:
    while history.sweep(now):
        pass


def test_a_stream_starts_at_zero_with_an_epoch_that_no_other_history_gives(history: History) -> None:
    streams = [opened(each, "a", OPTIONS, 0.0) for each in (history, History(meta_ttl=30 * DAY_S))]
    assert [stream.top for stream in streams] == [0, 0]
    assert all(len(stream.epoch) == 8 and set(stream.epoch) <= set(string.ascii_letters) for stream in streams)
    assert streams[0].epoch != streams[1].epoch


def test_the_oldest_publications_make_room_for_the_newest(history: History) -> None:
    stream = opened(history, "a", OPTIONS, 0.0)
    publish(history, stream, b"1", b"2", b"3", b"4", b"5")
    assert (bodies(history, stream), stream.top) == ([b"3", b"4", b"5"], 5)
    assert history.after(stream, 0, None)[0] == 3


def test_a_history_lives_as_long_as_it_is_published_to(history: History) -> None:
    stream = opened(history, "a", OPTIONS, 0.0)
    publish(history, stream, b"1", now=0.0)
    publish(history, stream, b"2", now=50.0)
    sweep(history, 100.0)
    assert bodies(history, stream) == [b"1", b"2"]
    sweep(history, 112.0)
    assert (bodies(history, stream), stream.top) == ([], 2)


def test_what_has_expired_is_not_read_even_before_it_is_swept(history: History) -> None:
    stream = opened(history, "a", OPTIONS, 0.0)
    publish(history, stream, b"1")
    assert history.find("a", 60.0) is stream
    assert bodies(history, stream) == []


def test_a_channel_that_is_neither_published_to_nor_read_is_forgotten(history: History) -> None:
    stream = opened(history, "a", OPTIONS, 0.0)
    history.find("a", 20 * DAY_S)
    sweep(history, 40 * DAY_S)
    assert history.find("a", 40 * DAY_S) is stream
    sweep(history, 71 * DAY_S)
    assert len(history) == 0
    assert opened(history, "a", OPTIONS, 71 * DAY_S).epoch != stream.epoch


def test_a_channel_is_forgotten_after_its_history_has_gone(history: History) -> None:
    stream = history.begin("a", OPTIONS, Publication(b"1"), 0.0)
    sweep(history, 20 * DAY_S)
    publish(history, stream, b"2", now=20 * DAY_S)
    history.find("a", 20 * DAY_S)
    sweep(history, 49 * DAY_S)
    assert (history.find("a", 20 * DAY_S), history.bytes) == (stream, 0)
    sweep(history, 51 * DAY_S)
    assert len(history) == 0


def test_removing_a_history_keeps_the_position(history: History) -> None:
    stream = opened(history, "a", OPTIONS, 0.0)
    publish(history, stream, b"1", b"2")
    history.clear(stream)
    assert history.missed(stream, 2, stream.epoch, 300) == []
    assert history.missed(stream, 1, stream.epoch, 300) is None


def test_memory_is_counted_once_however_many_channels_hold_a_publication(history: History) -> None:
    shared = Publication(b"x" * 1_000)
    streams = [opened(history, str(n), OPTIONS, 0.0) for n in range(10)]
    for stream in streams:
        history.append(stream, shared, 0.0)
    assert history.bytes == PUBLICATION_BYTES + 1_000 + 10 * NUMBER_BYTES
    for stream in streams:
        publish(history, stream, b"", b"", b"")
    assert history.bytes == 30 * (PUBLICATION_BYTES + NUMBER_BYTES)
    sweep(history, 62.0)
    assert history.bytes == 0


def test_all_channels_together_take_no_more_than_they_may() -> None:
    history = History(meta_ttl=DAY_S, max_bytes=100_000)
    for n in range(1_000):
        publish(history, opened(history, str(n), OPTIONS, 0.0), b"x" * 1_000)
        assert history.bytes <= 100_000
    kept = [n for n in range(1_000) if bodies(history, opened(history, str(n), OPTIONS, 0.0))]
    assert len(kept) > 50
    assert opened(history, "0", OPTIONS, 0.0).top == 1


@pytest.mark.parametrize("begun", [True, False])
def test_there_are_no_more_streams_than_there_may_be(begun: bool) -> None:
    history = History(meta_ttl=DAY_S, max_streams=10)
    for n in range(100):
        if begun:
            history.begin(str(n), OPTIONS, Publication(b"1"), 0.0)
        else:
            publish(history, history.open(str(n), OPTIONS, 0.0), b"1")
    assert len(history) == 10
    sweep(history, 2 * DAY_S)
    assert (len(history), history.bytes) == (0, 0)


def test_a_sweep_does_only_so_much_at_a_time(history: History) -> None:
    for n in range(100):
        publish(history, opened(history, str(n), OPTIONS, 0.0), b"1")
    assert history.sweep(62.0, limit=50) is True
    assert 0 < history.bytes < 100 * (PUBLICATION_BYTES + 1 + NUMBER_BYTES)
    sweep(history, 62.0)
    assert history.bytes == 0
