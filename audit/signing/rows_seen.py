"""The tree over rows, read one after the other and hashed here. No tile and no SQL function has a part in it.

Rows come in PostgreSQL's binary COPY format, so that no object is made of a row: its fields are those of the entry.
Source: PostgreSQL, COPY, "Binary Format".
"""

from hashlib import sha256
from struct import Struct

import asyncpg

from audit.tree.entries import FORMAT, LONGEST_TOPIC
from audit.tree.merkle import HASH_BYTES, Frontier
from eventstore.log import TABLE as LOG
from eventstore.values import Position

SLICE = 20_000
"""The most rows of one COPY."""

COPY_ROWS = f"""
SELECT notification_id, originator_id, originator_version, coalesce(topic, ''), coalesce(state, '')
FROM {LOG} WHERE notification_id > {{after:d}} AND notification_id <= {{to:d}} ORDER BY notification_id LIMIT {SLICE}
"""

SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
HEADER_BYTES = len(SIGNATURE) + 8
TRAILER = b"\xff\xff"

FIELDS = Struct(">2x 4x8s 4x16s 4x8s i").unpack_from
"""Their number; position, stream and version, each behind its length; the length of the topic."""
LENGTH = Struct(">i").unpack_from
TOPIC_FROM = 2 + 12 + 20 + 12 + 4
"""Where the topic of a row begins; two bytes before, its length as an entry has it."""
LENGTH_BYTES = 4

SHORTENED = (32).to_bytes(2, "big")
"""The length of a topic whose hash takes its place."""

LEAF = bytes([0x00, FORMAT])
"""What a leaf and its entry begin with."""


class RowsSeen:
    """How far the rows were read, and the tree over them. `position`: that of the last row."""

    def __init__(self, epoch: int, frontier: Frontier, position: Position) -> None:
        self.epoch = epoch
        self.frontier = frontier
        self.position = position

    async def advance(self, to: Position, connection: asyncpg.Connection) -> None:
        """Add the rows up to a position."""
        count = SLICE
        while count == SLICE:
            copied = CopiedRows()
            query = COPY_ROWS.format(after=self.position, to=to)
            await connection.copy_from_query(query, output=copied.add, format="binary")
            count = copied.finish()
            self.frontier.extend(copied.leaves)  # at once: whole tiles were folded when they grew
            self.position = copied.position or self.position


class CopiedRows:
    """The leaves of the rows of one COPY. They arrive in pieces, which may end anywhere."""

    def __init__(self) -> None:
        self.leaves = bytearray()
        self._last = b""
        self._rest = b""
        self._has_begun = False

    @property
    def position(self) -> Position | None:
        """That of the last row; None before the first."""
        return Position(int.from_bytes(self._last, "big")) if self._last else None

    async def add(self, data: bytes) -> None:
        """Hash the rows that are complete with this piece."""
        data = self._rest + data
        at, end = 0, len(data)
        if not self._has_begun and end >= HEADER_BYTES:
            self._has_begun, at = True, HEADER_BYTES
        found = []
        while self._has_begun and at + TOPIC_FROM + LENGTH_BYTES <= end:
            position, stream, version, topic_bytes = FIELDS(data, at)
            topic_ends = at + TOPIC_FROM + topic_bytes
            state_from = topic_ends + LENGTH_BYTES
            if state_from > end or (row_ends := state_from + LENGTH(data, topic_ends)[0]) > end:
                break
            topic = data[at + TOPIC_FROM - 2 : topic_ends]
            if topic_bytes > LONGEST_TOPIC:
                topic = SHORTENED + sha256(data[at + TOPIC_FROM : topic_ends]).digest()
            state = sha256(data[state_from:row_ends]).digest()
            found.append(sha256(b"".join((LEAF, position, stream, version, topic, state))).digest())
            self._last, at = position, row_ends
        self.leaves += b"".join(found)
        self._rest = data[at:]

    def finish(self) -> int:
        """How many rows there were. Raises ValueError where the last did not end."""
        if self._rest != TRAILER:
            raise ValueError("the rows of the log ended before their end")
        return len(self.leaves) // HASH_BYTES
