"""The publisher port: what a fan-out needs from Centrifugo, whichever of the two stands behind it.

Errors:

    PublisherError
    ├── PublisherUnavailable   not now: repeat the same call, its keys make that safe
    └── PublicationRefused     never: this publication, as it is, will not be accepted
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import msgspec

from centrifugo.json_text import is_json

PER_CALL = 1_000
"""Channels that travel in one HTTP call: about 10 ms of a server's time (30 on Redis), then others get a turn."""


@dataclass(frozen=True)
class Channels:
    """The channels of one publication. `names` must not change: what is derived from it is made once and kept.

    Keep an instance for as long as its names hold, and a broadcast to 100,000 of them encodes nothing the second time.
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
        """The same channels in order, in pieces that one call may carry."""
        if 0 < len(self.names) <= PER_CALL:
            return (self,)
        return tuple(Channels(self.names[start : start + PER_CALL]) for start in range(0, len(self.names), PER_CALL))


@dataclass(frozen=True, slots=True)
class Publication:
    """`data`, one JSON text in UTF-8, for every one of `channels`. Raises ValueError when it is something else.

    `idempotency_key` is derived from the fact it tells, never random: within five minutes it reaches a channel once.
    """

    channels: Channels
    data: bytes
    idempotency_key: str

    def __post_init__(self) -> None:
        # A server embeds it unread: a bad one would break the connection of everybody who receives or recovers it.
        if not is_json(self.data):
            raise ValueError("a publication's data must be one JSON text")

    @property
    def parts(self) -> tuple["Publication", ...]:
        """The publication in pieces of one call each, so that a caller can let others publish between them.

        Each piece keeps the key: repeating the whole publication after some of its pieces completes it.
        """
        return tuple(Publication(channels, self.data, self.idempotency_key) for channels in self.channels.parts)


class PublisherError(Exception):
    """The server did not accept all of what it was given."""


class PublisherUnavailable(PublisherError):
    """The outcome is unknown or a failure that passes: repeat the call.

    `done` publications, counted from the first, are certainly accepted and need not be repeated.
    """

    def __init__(self, reason: str, *, done: int = 0) -> None:
        super().__init__(reason)
        self.done = done


class PublicationRefused(PublisherError):
    """Publication `index` of the call was refused for good with Centrifugo's error `code`.

    Those before it are accepted. Of those after it some may be: publish them again, their keys make it safe.
    """

    def __init__(self, index: int, code: int, message: str) -> None:
        super().__init__(f"publication {index} was refused: {code} {message}")
        self.index = index
        self.code = code
        self.message = message


class Publisher(Protocol):
    """Puts publications into channels and ends connections. Order holds within a call and from one call to the next."""

    async def publish(self, publications: Sequence[Publication]) -> None:
        """Return when all are accepted; for every channel, publication i is delivered before i + 1.

        Raises PublisherUnavailable or PublicationRefused.
        """

    async def disconnect(self, user: str, *, code: int, reason: str) -> None:
        """End every connection of `user` (not empty: that would be the anonymous ones).

        Codes 4500..4999 end it for good, 4000..4499 let the client come back. `reason`: plain text of 1..123 bytes.
        Raises PublisherUnavailable.
        """

    async def close(self) -> None:
        """Let go of connections; the publisher is not used afterwards."""
