"""Entries: what a leaf is the hash of. They say where an event is and what its state hashes to, not what it says.

entry = 0x01, position (8 bytes), stream (16), version (8), length of the topic (2), topic, SHA-256 of the state
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

FORMAT = 0x01
LONGEST_TOPIC = 65_000
"""In bytes. The hash of a longer one takes its place."""
SHORTEST = 1 + 8 + 16 + 8 + 2 + 32
"""The bytes of an entry beside the topic."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the log."""

    position: int
    stream: UUID
    version: int
    topic: str
    state: bytes

    @property
    def entry(self) -> bytes:
        """The entry of the row."""
        topic = self.topic.encode()
        if len(topic) > LONGEST_TOPIC:
            topic = hashlib.sha256(topic).digest()
        return b"".join(
            (
                bytes([FORMAT]),
                self.position.to_bytes(8, "big"),
                self.stream.bytes,
                self.version.to_bytes(8, "big"),
                len(topic).to_bytes(2, "big"),
                topic,
                hashlib.sha256(self.state).digest(),
            )
        )


@dataclass(frozen=True, slots=True)
class EntryPlace:
    """Where an entry says that its event is."""

    position: int
    stream: UUID
    version: int

    @classmethod
    def of(cls, entry: bytes) -> "EntryPlace":
        """Raises ValueError for what is no entry."""
        if len(entry) < SHORTEST or entry[0] != FORMAT or len(entry) != SHORTEST + int.from_bytes(entry[33:35], "big"):
            raise ValueError("not an entry of a log like this")
        return cls(int.from_bytes(entry[1:9], "big"), UUID(bytes=entry[9:25]), int.from_bytes(entry[25:33], "big"))


def bundle(rows: list[Row]) -> bytes:
    """Entries as they are served: each behind its length in two bytes. Source: C2SP tlog-tiles."""
    entries = [row.entry for row in rows]
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unbundle(served: bytes) -> list[bytes]:
    """The entries that are served together. Raises ValueError where the last is cut."""
    found, at = [], 0
    while at < len(served):
        end = at + 2 + int.from_bytes(served[at : at + 2], "big")
        if end > len(served):
            raise ValueError("the last entry is cut")
        found.append(served[at + 2 : end])
        at = end
    return found
