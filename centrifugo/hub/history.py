"""What was published to each channel: offsets, epochs, retention and recovery. Times are handed in, in seconds.

Memory is bounded twice. Publications, each counted once however many channels hold it, take at most `max_bytes`;
beyond it whole channels, roughly the oldest first, lose what they keep. There are at most `max_streams` channels with a
position (about 350 bytes each); beyond it, roughly the oldest are forgotten and start again with a new epoch. In
both cases a client that was away is told that it cannot recover.
"""

import secrets
import string
from itertools import count

from msgspec import Struct, field

from centrifugo.hub.configuration.options import ChannelOptions
from centrifugo.hub.timers import Wheel

PUBLICATION_BYTES = 250  # of Python's own for one publication

EPOCH_LETTERS = 8
NUMBER_BYTES = 8


def new_epoch() -> str:
    """A random name."""
    return "".join(secrets.choice(string.ascii_letters) for _ in range(EPOCH_LETTERS))


class Publication(Struct, gc=False):
    """The encoded fields shared by every channel it was published to, and how many of them still hold it."""

    body: bytes
    number: bytes = b""  # by which histories refer to it
    holders: int = 0

    @property
    def is_object(self) -> bool:
        return self.body.startswith(b'"data":{')


class Stream(Struct, gc=False, eq=False):
    """One channel's history. The last publication kept has offset `top`, and there are no gaps.

    What is kept are the publications' numbers, end to end. A list of publications would do, but Python's garbage
    collector visits every item of every list, and would hold the event loop for hundreds of milliseconds when many
    channels keep much; it visits neither a bytearray nor, as it is told here, a stream.
    """

    channel: str
    options: ChannelOptions
    size: int  # of the history at most, 0 when there is none
    ttl: float
    touched_at: float
    epoch: str
    top: int = 0
    numbers: bytearray = field(default_factory=bytearray)
    version: tuple[int, str] | None = None
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

    def __init__(self, meta_ttl: float, max_bytes: int = 256 * 2**20, max_streams: int = 1_000_000) -> None:
        self.bytes = 0
        self._meta_ttl = meta_ttl
        self._max_bytes = max_bytes
        self._max_streams = max_streams
        self._streams: dict[str, Stream] = {}
        self._publications: dict[bytes, Publication] = {}  # by number
        self._numbers = count()
        self._epoch: str | None = None  # of new streams, until one is forgotten
        self._expiring: Wheel[Stream] = Wheel()  # each stream with items, once, and some that have lost theirs
        self._forgetting: Wheel[Stream] = Wheel()  # each other stream, once, and some that have got items since

    def __len__(self) -> int:
        return len(self._streams)

    def find(self, channel: str, now: float) -> Stream | None:
        """The channel's stream, rid of what has expired; None when there never was one."""
        stream = self._streams.get(channel)
        if stream is not None:
            stream.touched_at = now
            if stream.numbers and stream.expires_at <= now:
                self.clear(stream)
        return stream

    def open(self, channel: str, options: ChannelOptions, now: float) -> Stream:
        """A stream for a channel that has none, with an epoch that the channel never had."""
        while len(self._streams) >= self._max_streams:
            self._make_room_for_a_stream()
        stream = Stream(channel, options, options.history_size, options.history_ttl, now, self._new_epoch())
        self._streams[channel] = stream
        self._let_be_forgotten(stream)
        return stream

    def begin(self, channel: str, options: ChannelOptions, publication: Publication, now: float) -> Stream:
        """As `open`, with the first publication in it."""
        while len(self._streams) >= self._max_streams:
            self._make_room_for_a_stream()
        ttl = options.history_ttl
        number = self._hold(publication)
        stream = Stream(
            channel,
            options,
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
        self.bytes += NUMBER_BYTES
        while self.bytes > self._max_bytes:
            self._make_room_for_a_publication()
        return stream

    def _new_epoch(self) -> str:
        """An epoch for a new stream: the same as the last one's, until a stream has been forgotten. Only then can a
        channel come here a second time, and making a name for each of very many channels takes long.
        """
        if self._epoch is None:
            self._epoch = new_epoch()
        return self._epoch

    def append(self, stream: Stream, publication: Publication, now: float) -> int:
        """Keep a publication as the newest of its channel and return its offset."""
        stream.numbers += self._hold(publication)
        if len(stream.numbers) > stream.size * NUMBER_BYTES:
            self._release(bytes(stream.numbers[:NUMBER_BYTES]))
            del stream.numbers[:NUMBER_BYTES]
        else:
            self.bytes += NUMBER_BYTES
        stream.top += 1
        stream.expires_at = now + stream.ttl
        if not stream.is_expiring:
            stream.is_expiring = True
            self._expiring.add(stream, stream.expires_at)
        while self.bytes > self._max_bytes:
            self._make_room_for_a_publication()
        return stream.top

    def clear(self, stream: Stream) -> None:
        """Drop the publications and keep the position: who has missed one of them cannot recover."""
        for number in _each(stream.numbers):
            self._release(number)
        self.bytes -= len(stream.numbers)
        stream.numbers.clear()

    def after(self, stream: Stream, offset: int, limit: int | None) -> tuple[int, list[Publication]]:
        """At most `limit` (None: all) of those kept beyond `offset`, and the offset of the first."""
        start = max(offset + 1, stream.oldest)
        kept = max(0, stream.top - start + 1)
        return start, self._read(stream, start, kept if limit is None else min(limit, kept))

    def before(self, stream: Stream, offset: int | None, limit: int | None) -> tuple[int, list[Publication]]:
        """At most `limit` of those kept below `offset` (None: all), newest first, and the offset of the first."""
        start = stream.top if offset is None else offset - 1
        kept = max(0, start - stream.oldest + 1) if start <= stream.top else 0
        wanted = kept if limit is None else min(limit, kept)
        return start, self._read(stream, start - wanted + 1, wanted)[::-1]

    def missed(self, stream: Stream, offset: int, epoch: str, limit: int) -> list[Publication] | None:
        """Exactly what a client at this position has missed, or None when that cannot be told or exceeds `limit`."""
        if epoch and epoch != stream.epoch:
            return None
        if not stream.oldest - 1 <= offset <= stream.top or stream.top - offset > limit:
            return None
        return self.after(stream, offset, None)[1]

    def _read(self, stream: Stream, offset: int, wanted: int) -> list[Publication]:
        start = (offset - stream.oldest) * NUMBER_BYTES
        numbers = stream.numbers[start : start + wanted * NUMBER_BYTES]
        return [self._publications[number] for number in _each(numbers)]

    def sweep(self, now: float, limit: int = 2_000) -> bool:
        """Drop what has expired, touching about `limit` streams and publications; true when there is more to do."""
        while limit > 0:
            cost = self._expire_one(now) or self._forget_one(now)
            if not cost:
                return False
            limit -= cost
        return True

    def _expire_one(self, now: float) -> int:
        """Look at one stream that may have expired; returns what that cost, 0 when there is none."""
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
        """Drop the publications of a stream that was taken from its wheel; it goes to the other."""
        stream.is_expiring = False
        self.clear(stream)
        self._let_be_forgotten(stream)

    def _let_be_forgotten(self, stream: Stream) -> None:
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
            self._let_be_forgotten(stream)
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
        return stream.touched_at + (stream.options.history_meta_ttl or self._meta_ttl)

    def _hold(self, publication: Publication) -> bytes:
        """The number of a publication that one more stream keeps."""
        if not publication.holders:
            publication.number = next(self._numbers).to_bytes(NUMBER_BYTES, "big")
            self._publications[publication.number] = publication
            self.bytes += PUBLICATION_BYTES + len(publication.body)
        publication.holders += 1
        return publication.number

    def _release(self, number: bytes) -> None:
        publication = self._publications[number]
        publication.holders -= 1
        if not publication.holders:
            del self._publications[number]
            self.bytes -= PUBLICATION_BYTES + len(publication.body)


def _each(numbers: bytearray) -> list[bytes]:
    return [bytes(numbers[start : start + NUMBER_BYTES]) for start in range(0, len(numbers), NUMBER_BYTES)]
