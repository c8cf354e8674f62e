"""Rows of the log against the leaves of the tiles, and words against the commitments in the rows."""

from collections.abc import AsyncIterator, Iterator, Sequence
from uuid import UUID

import asyncpg
import msgspec

from audit.tree import tiles
from audit.tree.merkle import Hash
from eventstore.generation import event_hash
from eventstore.log import TABLE as LOG
from eventstore.words import TABLE as WORDS
from eventstore.words import Opening

TILES = 64
"""Tiles whose leaves are compared at a time."""

BEFORE_ALL = -(1 << 63)
"""No row is below it. The log begins at position 1, and who tampers may not."""

READ_LEAVES = f"""
SELECT number, hashes, positions FROM audit_tiles WHERE epoch = $1 AND level = 0 AND number >= $2 AND number < $3
ORDER BY number LIMIT {TILES}
"""
HAS_MORE_TILES = f"""
SELECT EXISTS (
    SELECT FROM audit_tiles
    WHERE epoch = $1 AND level = 0 AND number * {tiles.WIDTH} + length(hashes) / {tiles.HASH_BYTES} > $2
)
"""
READ_ROWS = f"""
SELECT notification_id, originator_id, originator_version, coalesce(topic, '') AS topic, coalesce(state, '') AS state,
    salt, content, client_id
FROM {LOG} LEFT JOIN {WORDS} ON stream = originator_id AND version = originator_version
WHERE notification_id > $1 AND notification_id <= $2 ORDER BY notification_id
"""
READ_ERASED = f"""
SELECT originator_id, (jsonb_array_elements(convert_from(state, 'utf8')::jsonb -> 'versions'))::bigint
FROM {LOG} WHERE topic = $1
"""
READ_STRAY_WORDS = f"""
SELECT stream, version FROM {WORDS} LEFT JOIN {LOG} ON originator_id = stream AND originator_version = version
WHERE originator_id IS NULL ORDER BY stream, version
"""

Place = tuple[UUID, int]


class LeavesRead:
    """What was read: the leaves of the tiles and their positions, slice by slice."""

    def __init__(self, epoch: int, size: int, erased: set[Place]) -> None:
        self.findings: list[str] = []
        self.rows = 0
        self._epoch, self._size, self._erased = epoch, size, erased

    async def leaves(self, connection: asyncpg.Connection) -> AsyncIterator[Hash]:
        """Every leaf of the tiles, in order. What does not fit the rows is in `findings`."""
        number, last = 0, BEFORE_ALL
        while number * tiles.WIDTH < self._size:
            found = await connection.fetch(READ_LEAVES, self._epoch, number, -(-self._size // tiles.WIDTH))
            leaves: list[Hash] = []
            positions: list[int] = []
            for tile in found:
                width = min(tiles.WIDTH, self._size - tile["number"] * tiles.WIDTH)
                hashes, places = tiles.split(tile["hashes"])[:width], (tile["positions"] or [])[:width]
                if tile["number"] != number or len(hashes) != width or len(places) != width:
                    self.findings.append(f"tile 0/{number}: it is missing or cut")
                    return
                leaves += hashes
                positions += places
                number += 1
            if not found:
                self.findings.append(f"tile 0/{number}: it is missing or cut")
                return
            rows = await connection.fetch(READ_ROWS, last, positions[-1])
            self.findings += self._compare(dict(zip(positions, leaves, strict=True)), rows)
            last = positions[-1]
            for leaf in leaves:
                yield leaf
        if await connection.fetchval(HAS_MORE_TILES, self._epoch, self._size):
            self.findings.append(f"there are tiles beyond the {self._size:,} events of the tree")
        self.findings += self._words_of(await connection.fetch(READ_ROWS, last, (1 << 63) - 1))

    def _compare(self, signed: dict[int, Hash], rows: Sequence[asyncpg.Record]) -> Iterator[str]:
        for row in rows:
            position, stream, version, topic, state = row[:5]
            leaf = signed.pop(position, None)
            if leaf is None:
                yield f"{_named(row)}: it was added later; the tree has no such row"
            elif event_hash(position, stream, version, topic, state) != leaf:
                yield f"{_named(row)}: it was altered"
        for position in signed:
            yield f"position {position}: the row is missing"
        yield from self._words_of(rows)

    def _words_of(self, rows: Sequence[asyncpg.Record]) -> Iterator[str]:
        for row in rows:
            self.rows += 1
            seal, is_erased = _seal(row["state"]), (row["originator_id"], row["originator_version"]) in self._erased
            if row["content"] is None:
                if seal is not None and not is_erased:
                    yield f"{_named(row)}: its words are missing, and no event erased them"
            elif is_erased:
                yield f"{_named(row)}: its words are there, and an event erased them"
            elif Opening(row["salt"], row["content"], row["client_id"]).seal != seal:
                yield f"{_named(row)}: its words are not those that were recorded"


async def read_erased(topic: str, connection: asyncpg.Connection) -> set[Place]:
    """Where words are that events of this topic erased."""
    return {(stream, version) for stream, version in await connection.fetch(READ_ERASED, topic)}


async def stray_words(connection: asyncpg.Connection) -> list[str]:
    """Words that belong to no event."""
    rows = await connection.fetch(READ_STRAY_WORDS)
    return [f"stream {stream}, version {version}: words without an event" for stream, version in rows]


class _Sealed(msgspec.Struct):
    sealed: str | None = None


_SEALED = msgspec.json.Decoder(_Sealed)


def _seal(state: bytes) -> str | None:
    """The commitment in a row; None where it has none, or where others wrote the row."""
    try:
        return _SEALED.decode(state).sealed
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _named(row: asyncpg.Record) -> str:
    return f"position {row[0]} (stream {row[1]}, version {row[2]})"
