"""The history of every channel: offsets, epochs, retention and recovery. Times are handed in, in seconds.

Memory is bounded twice. Publications, each counted once however many channels hold it, take at most `max_bytes`;
beyond that, whole channels lose their publications, roughly the oldest first. At most `max_streams` channels have a
stream (about 350 bytes each); beyond that, roughly the oldest are forgotten and start again with a new epoch. In both
cases a client that was away is told that it cannot recover.
"""

import secrets
import string

from msgspec import Struct, field

from centrifugo.hub.channels.bucket_queue import BucketQueue
from centrifugo.hub.channels.publication_pool import NUMBER_BYTES, EncodedPublication, PublicationPool
from centrifugo.hub.configuration.sections import META_TTL_S, ChannelOptions

EPOCH_LETTERS = 8


def random_epoch() -> str:
    return "".join(secrets.choice(string.ascii_letters) for _ in range(EPOCH_LETTERS))


class Stream(Struct, gc=False, eq=False):
    """One channel's history. The newest publication kept has offset `top`, and there are no gaps.

    A stream holds its publications' numbers end to end rather than a list of publications: Python's garbage collector
    visits every item of every list and would hold the event loop for hundreds of milliseconds when many channels keep
    many publications. It visits neither a bytearray nor, because of `gc=False`, a stream.
    """

    channel: str
    size: int  # publications kept at most
    ttl: float
    touched_at: float
    epoch: str
    top: int = 0
    numbers: bytearray = field(default_factory=bytearray)
    expires_at: float = 0.0
    is_expiring: bool = False
    is_forgettable: bool = False

    @property
    def kept(self) -> int:
        return len(self.numbers) // NUMBER_BYTES

    @property
    def oldest(self) -> int:
        """The offset of the oldest publication kept; one above `top` when there is none."""
        return self.top - self.kept + 1


class History:
    """The streams of all channels."""

    def __init__(
        self, meta_ttl_s: float = META_TTL_S, max_bytes: int = 256 * 2**20, max_streams: int = 1_000_000
    ) -> None:
        self._meta_ttl_s = meta_ttl_s
        self._max_bytes = max_bytes
        self._max_streams = max_streams
        self._streams: dict[str, Stream] = {}
        self._pool = PublicationPool()
        self._numbers = 0  # held by all streams together
        self._epoch: str | None = None  # shared by new streams until one is forgotten
        # Each stream that keeps publications is in `_expiring` once, each other stream in `_forgetting` once. Streams
        # that have changed sides since they were queued may still be in the wrong one.
        self._expiring: BucketQueue[Stream] = BucketQueue()
        self._forgetting: BucketQueue[Stream] = BucketQueue()

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def memory_bytes(self) -> int:
        """The memory that publications take."""
        return self._pool.bytes + self._numbers * NUMBER_BYTES

    def find(self, channel: str, now: float) -> Stream | None:
        """The channel's stream, without what has expired; None when the channel has none."""
        stream = self._streams.get(channel)
        if stream is not None:
            stream.touched_at = now
            if stream.numbers and stream.expires_at <= now:
                self.clear(stream)
        return stream

    def open(self, channel: str, options: ChannelOptions, now: float) -> Stream:
        """Give a channel that has no stream an empty one, with an epoch that the channel never had."""
        while len(self._streams) >= self._max_streams:
            self._make_room_for_a_stream()
        stream = Stream(channel, options.history_size, options.history_ttl, now, self._new_epoch())
        self._streams[channel] = stream
        self._queue_for_forgetting(stream)
        return stream

    def begin(self, channel: str, options: ChannelOptions, publication: EncodedPublication, now: float) -> Stream:
        """Like `open`, with a first publication in the stream."""
        while len(self._streams) >= self._max_streams:
            self._make_room_for_a_stream()
        ttl = options.history_ttl
        number = self._pool.hold(publication)
        stream = Stream(
            channel,
            options.history_size,
            ttl,
            now,
            self._new_epoch(),
            top=1,
            numbers=bytearray(number),
            expires_at=now + ttl,
            is_expiring=True,
        )
        self._streams[channel] = stream
        self._expiring.add(stream, now + ttl)
        self._numbers += 1
        while self.memory_bytes > self._max_bytes:
            self._make_room_for_a_publication()
        return stream

    def _new_epoch(self) -> str:
        """An epoch for a new stream. New streams share one until a stream is forgotten: only then can a channel get a
        second stream, and making a random name for each of very many channels is slow.
        """
        if self._epoch is None:
            self._epoch = random_epoch()
        return self._epoch

    def append(self, stream: Stream, publication: EncodedPublication, now: float) -> int:
        """Keep a publication as the newest of its channel and return its offset."""
        stream.numbers += self._pool.hold(publication)
        if len(stream.numbers) > stream.size * NUMBER_BYTES:
            self._pool.release(bytes(stream.numbers[:NUMBER_BYTES]))
            del stream.numbers[:NUMBER_BYTES]
        else:
            self._numbers += 1
        stream.top += 1
        stream.expires_at = now + stream.ttl
        if not stream.is_expiring:
            stream.is_expiring = True
            self._expiring.add(stream, stream.expires_at)
        while self.memory_bytes > self._max_bytes:
            self._make_room_for_a_publication()
        return stream.top

    def clear(self, stream: Stream) -> None:
        """Drop the publications and keep the position. A client that missed one of them cannot recover."""
        for number in _split(stream.numbers):
            self._pool.release(number)
        self._numbers -= stream.kept
        stream.numbers.clear()

    def after(self, stream: Stream, offset: int, limit: int | None) -> tuple[int, list[EncodedPublication]]:
        """At most `limit` (None: all) of the publications after `offset`, and the offset of the first."""
        start = max(offset + 1, stream.oldest)
        kept = max(0, stream.top - start + 1)
        return start, self._read(stream, start, kept if limit is None else min(limit, kept))

    def before(self, stream: Stream, offset: int | None, limit: int | None) -> tuple[int, list[EncodedPublication]]:
        """At most `limit` (None: all) of the publications before `offset` (None: the end), newest first.

        Returns the offset of the first with them.
        """
        start = stream.top if offset is None else offset - 1
        kept = max(0, start - stream.oldest + 1) if start <= stream.top else 0
        wanted = kept if limit is None else min(limit, kept)
        return start, self._read(stream, start - wanted + 1, wanted)[::-1]

    def missed(self, stream: Stream, offset: int, epoch: str, limit: int) -> list[EncodedPublication] | None:
        """Exactly what a client at this position has missed; None when that is unknown or more than `limit`."""
        if epoch and epoch != stream.epoch:
            return None
        if not stream.oldest - 1 <= offset <= stream.top or stream.top - offset > limit:
            return None
        return self.after(stream, offset, None)[1]

    def _read(self, stream: Stream, offset: int, wanted: int) -> list[EncodedPublication]:
        start = (offset - stream.oldest) * NUMBER_BYTES
        numbers = stream.numbers[start : start + wanted * NUMBER_BYTES]
        return [self._pool.get(number) for number in _split(numbers)]

    def sweep(self, now: float, limit: int = 2_000) -> bool:
        """Drop what has expired, touching about `limit` streams and publications; true when more is due."""
        while limit > 0:
            cost = self._expire_one(now) or self._forget_one(now)
            if not cost:
                return False
            limit -= cost
        return True

    def _expire_one(self, now: float) -> int:
        """Examine one stream that may have expired. Returns the cost, 0 when none is due."""
        stream = self._expiring.pop(now)
        if stream is None:
            return 0
        if stream.numbers and stream.expires_at > now:
            self._expiring.add(stream, stream.expires_at)
            return 1
        cost = 1 + stream.kept
        self._expire(stream)
        return cost

    def _expire(self, stream: Stream) -> None:
        """Drop the publications of a stream that was taken from `_expiring`; it moves to `_forgetting`."""
        stream.is_expiring = False
        self.clear(stream)
        self._queue_for_forgetting(stream)

    def _queue_for_forgetting(self, stream: Stream) -> None:
        if not stream.is_forgettable:
            stream.is_forgettable = True
            self._forgetting.add(stream, self._forget_at(stream))

    def _forget_one(self, now: float) -> int:
        stream = self._forgetting.pop(now)
        if stream is None:
            return 0
        stream.is_forgettable = False
        if stream.is_expiring:
            return 1
        if self._forget_at(stream) > now:
            self._queue_for_forgetting(stream)
        else:
            self._forget(stream)
        return 1

    def _forget(self, stream: Stream) -> None:
        self.clear(stream)
        del self._streams[stream.channel]
        self._epoch = None

    def _make_room_for_a_publication(self) -> None:
        stream = self._expiring.pop()
        if stream is not None:
            self._expire(stream)

    def _make_room_for_a_stream(self) -> None:
        stream = self._forgetting.pop()
        if stream is None:
            self._make_room_for_a_publication()
        elif stream.is_expiring:
            stream.is_forgettable = False
        else:
            self._forget(stream)

    def _forget_at(self, stream: Stream) -> float:
        return stream.touched_at + self._meta_ttl_s


def _split(numbers: bytearray) -> list[bytes]:
    return [bytes(numbers[start : start + NUMBER_BYTES]) for start in range(0, len(numbers), NUMBER_BYTES)]
