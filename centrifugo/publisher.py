"""The publisher port: what a fan-out needs of Centrifugo or of the embedded hub.

Errors:

    PublisherError
    ├── PublisherUnavailable   not now: repeat the same call, its idempotency keys make that safe
    └── PublicationRefused     never: this publication will not be accepted as it is
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import msgspec

PER_CALL = 1_000
"""Channels in one HTTP call: about 10 ms of the server's time (30 on Redis), then others get a turn."""

_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode


@dataclass(frozen=True)
class Channels:
    """The channels of one publication. `names` must not change, because what is derived from it is kept.

    Keep an instance as long as its names are right: a second broadcast to the same 100,000 channels encodes no name.
    """

    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def json(self) -> bytes:
        """The names as one JSON array."""
        return msgspec.json.encode(self.names)

    @cached_property
    def parts(self) -> tuple["Channels", ...]:
        """The same channels in order, in parts that fit into one call each."""
        if 0 < len(self.names) <= PER_CALL:
            return (self,)
        return tuple(Channels(self.names[start : start + PER_CALL]) for start in range(0, len(self.names), PER_CALL))


@dataclass(frozen=True, slots=True)
class Publication:
    """`data`, one JSON text in UTF-8, for each of `channels`. Raises ValueError when `data` is anything else.

    `idempotency_key` is derived from the fact that is published, never random. Within five minutes a channel accepts a
    key once.
    """

    channels: Channels
    data: bytes
    idempotency_key: str

    def __post_init__(self) -> None:
        # A server embeds the data unread: bad data would break the connection of every client that receives it.
        if not _is_json(self.data):
            raise ValueError("a publication's data must be one JSON text")

    @property
    def parts(self) -> tuple["Publication", ...]:
        """The publication in parts of one call each, so that a caller can let others publish between them.

        Each part has the publication's key: repeating the whole publication after some of its parts completes it.
        """
        return tuple(Publication(channels, self.data, self.idempotency_key) for channels in self.channels.parts)


def _is_json(data: bytes) -> bool:
    try:
        data.decode()
        _decode_raw(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return False
    return True


class PublisherError(Exception):
    """The server did not accept everything."""


class PublisherUnavailable(PublisherError):
    """The outcome is unknown, or the failure is temporary: repeat the call.

    The first `done` publications are certainly accepted and need not be repeated.
    """

    def __init__(self, reason: str, *, done: int = 0) -> None:
        super().__init__(reason)
        self.done = done


class PublicationRefused(PublisherError):
    """Publication `index` of the call was refused for good with Centrifugo's error `code`.

    Those before it are accepted, and some of those after it may be. Publish the latter again; their keys make it safe.
    """

    def __init__(self, index: int, code: int, message: str) -> None:
        super().__init__(f"publication {index} was refused: {code} {message}")
        self.index = index
        self.code = code
        self.message = message


class Publisher(Protocol):
    """Publishes to channels, removes their history, ends subscriptions and connections.

    Order holds within a call and from one call to the next.
    """

    async def publish(self, publications: Sequence[Publication]) -> None:
        """Return when all are accepted. On every channel, publication i is delivered before i + 1.

        Raises PublisherUnavailable or PublicationRefused.
        """

    async def disconnect(self, user: str, *, code: int, reason: str) -> None:
        """End every connection of `user`, which must not be empty: to Centrifugo that means anonymous users.

        With a code of 4500..4999 clients stay away, with 4000..4499 they reconnect. `reason` is plain text of
        1..123 bytes. Raises PublisherUnavailable.
        """

    async def unsubscribe(self, user: str, channel: str) -> None:
        """End every subscription of `user` to the channel, for good: clients do not come back by themselves.

        Raises PublisherUnavailable.
        """

    async def remove_history(self, channels: Sequence[str]) -> None:
        """Drop all publications that these channels remember. Safe to repeat; channels without a history have none.

        Offsets go on. A client that missed a publication that is gone cannot recover, and is told so. Raises
        PublisherUnavailable: then some channels may remember theirs.
        """

    async def close(self) -> None:
        """Release the connections. The publisher is not used afterwards."""
