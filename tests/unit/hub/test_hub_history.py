"""Retention: what a channel keeps, for how long, and how much memory all channels may take."""

import string

import pytest

from centrifugo.durations import Duration
from centrifugo.hub.channels.channel_history import History, Stream
from centrifugo.hub.channels.publication_pool import NUMBER_BYTES, PUBLICATION_BYTES, EncodedPublication
from centrifugo.hub.configuration.sections import ChannelOptions

OPTIONS = ChannelOptions(history_size=3, history_ttl=Duration(60))
DAY_S = 86_400.0


@pytest.fixture
def history() -> History:
    return History(meta_ttl_s=30 * DAY_S)


def publish(history: History, stream: Stream, *bodies: bytes, now: float = 0.0) -> None:
    for body in bodies:
        history.append(stream, EncodedPublication(body), now)


def opened(history: History, channel: str, options: ChannelOptions, now: float) -> Stream:
    return history.find(channel, now) or history.open(channel, options, now)


def bodies(history: History, stream: Stream) -> list[bytes]:
    return [publication.body for publication in history.after(stream, 0, None)[1]]


def sweep(history: History, now: float) -> None:
    while history.sweep(now):
        pass


def test_a_stream_starts_at_offset_zero_with_an_epoch_of_its_own(history: History) -> None:
    streams = [opened(each, "a", OPTIONS, 0.0) for each in (history, History(meta_ttl_s=30 * DAY_S))]
    assert [stream.top for stream in streams] == [0, 0]
    assert all(len(stream.epoch) == 8 and set(stream.epoch) <= set(string.ascii_letters) for stream in streams)
    assert streams[0].epoch != streams[1].epoch


def test_the_newest_publications_push_out_the_oldest(history: History) -> None:
    stream = opened(history, "a", OPTIONS, 0.0)
    publish(history, stream, b"1", b"2", b"3", b"4", b"5")
    assert (bodies(history, stream), stream.top) == ([b"3", b"4", b"5"], 5)
    assert history.after(stream, 0, None)[0] == 3


def test_a_history_expires_when_its_channel_is_no_longer_published_to(history: History) -> None:
    stream = opened(history, "a", OPTIONS, 0.0)
    publish(history, stream, b"1", now=0.0)
    publish(history, stream, b"2", now=50.0)
    sweep(history, 100.0)
    assert bodies(history, stream) == [b"1", b"2"]
    sweep(history, 112.0)
    assert (bodies(history, stream), stream.top) == ([], 2)


def test_an_expired_publication_is_not_read_even_before_the_sweep(history: History) -> None:
    stream = opened(history, "a", OPTIONS, 0.0)
    publish(history, stream, b"1")
    assert history.find("a", 60.0) is stream
    assert bodies(history, stream) == []


def test_a_stream_that_is_neither_published_to_nor_read_is_forgotten(history: History) -> None:
    stream = opened(history, "a", OPTIONS, 0.0)
    history.find("a", 20 * DAY_S)
    sweep(history, 40 * DAY_S)
    assert history.find("a", 40 * DAY_S) is stream
    sweep(history, 71 * DAY_S)
    assert len(history) == 0
    assert opened(history, "a", OPTIONS, 71 * DAY_S).epoch != stream.epoch


def test_a_stream_is_forgotten_after_its_publications_have_expired(history: History) -> None:
    stream = history.begin("a", OPTIONS, EncodedPublication(b"1"), 0.0)
    sweep(history, 20 * DAY_S)
    publish(history, stream, b"2", now=20 * DAY_S)
    history.find("a", 20 * DAY_S)
    sweep(history, 49 * DAY_S)
    assert (history.find("a", 20 * DAY_S), history.memory_bytes) == (stream, 0)
    sweep(history, 51 * DAY_S)
    assert len(history) == 0


def test_clearing_a_stream_keeps_its_position(history: History) -> None:
    stream = opened(history, "a", OPTIONS, 0.0)
    publish(history, stream, b"1", b"2")
    history.clear(stream)
    assert history.missed(stream, 2, stream.epoch, 300) == []
    assert history.missed(stream, 1, stream.epoch, 300) is None


def test_a_publication_counts_once_however_many_channels_keep_it(history: History) -> None:
    shared = EncodedPublication(b"x" * 1_000)
    streams = [opened(history, str(n), OPTIONS, 0.0) for n in range(10)]
    for stream in streams:
        history.append(stream, shared, 0.0)
    assert history.memory_bytes == PUBLICATION_BYTES + 1_000 + 10 * NUMBER_BYTES
    for stream in streams:
        publish(history, stream, b"", b"", b"")
    assert history.memory_bytes == 30 * (PUBLICATION_BYTES + NUMBER_BYTES)
    sweep(history, 62.0)
    assert history.memory_bytes == 0


def test_all_channels_together_stay_within_max_bytes() -> None:
    history = History(meta_ttl_s=DAY_S, max_bytes=100_000)
    for n in range(1_000):
        publish(history, opened(history, str(n), OPTIONS, 0.0), b"x" * 1_000)
        assert history.memory_bytes <= 100_000
    kept = [n for n in range(1_000) if bodies(history, opened(history, str(n), OPTIONS, 0.0))]
    assert len(kept) > 50
    assert opened(history, "0", OPTIONS, 0.0).top == 1


@pytest.mark.parametrize("begun", [True, False])
def test_there_are_no_more_streams_than_max_streams(begun: bool) -> None:
    history = History(meta_ttl_s=DAY_S, max_streams=10)
    for n in range(100):
        if begun:
            history.begin(str(n), OPTIONS, EncodedPublication(b"1"), 0.0)
        else:
            publish(history, history.open(str(n), OPTIONS, 0.0), b"1")
    assert len(history) == 10
    sweep(history, 2 * DAY_S)
    assert (len(history), history.memory_bytes) == (0, 0)


def test_a_sweep_stops_at_its_limit(history: History) -> None:
    for n in range(100):
        publish(history, opened(history, str(n), OPTIONS, 0.0), b"1")
    assert history.sweep(62.0, limit=50) is True
    assert 0 < history.memory_bytes < 100 * (PUBLICATION_BYTES + 1 + NUMBER_BYTES)
    sweep(history, 62.0)
    assert history.memory_bytes == 0
