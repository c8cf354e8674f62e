"""Rows of the log against the leaves of the tiles, and words against the commitments in the rows."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from uuid import UUID

import asyncpg
import msgspec

from audit.checking.mismatch import DAMAGED, Mismatch, damaged
from audit.checking.slices import OpenSlice
from audit.tree import store, tiles
from audit.tree.merkle import Hash
from eventstore.generation import event_hash
from eventstore.log import TABLE as LOG
from eventstore.words import TABLE as WORDS
from eventstore.words import Opening

TILES = 16
"""Tiles whose leaves are compared at a time."""

LAST_POSITION = (1 << 63) - 1

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
SELECT notification_id, originator_id, state FROM {LOG}
WHERE topic = $1 AND notification_id > $2 ORDER BY notification_id
"""
READ_STRAY_WORDS = f"""
SELECT stream, version FROM {WORDS} LEFT JOIN {LOG} ON originator_id = stream AND originator_version = version
WHERE originator_id IS NULL ORDER BY stream, version
"""

Place = tuple[UUID, int]


class ErasedPlaces:
    """Where words are that events of a topic erased. It follows the log."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._position = BEFORE_ALL
        self._places: set[Place] = set()

    def __contains__(self, place: Place) -> bool:
        return place in self._places

    async def follow(self, connection: asyncpg.Connection) -> None:
        """Take in what the log says by now. An event that cannot be read erases nothing."""
        for position, stream, state in await connection.fetch(READ_ERASED, self._topic, self._position):
            self._position = position
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                self._places.update((stream, version) for version in _VERSIONS.decode(state).versions)


class LeavesRead:
    """What was read: the leaves of the tiles and their positions, slice by slice, from the leaf `since` on."""

    def __init__(self, epoch: int, since: int, size: int, erased: ErasedPlaces) -> None:
        self.findings: list[Mismatch] = []
        self.rows = 0
        self._epoch, self._since, self._size, self._erased = epoch, since, size, erased
        self._unreadable: set[int] = set()

    async def leaves(self, slices: OpenSlice) -> AsyncIterator[Hash]:
        """Every leaf of the tiles, in order. What does not fit the rows is in `findings`."""
        at, last = self._since, BEFORE_ALL
        if self._since:
            async with slices() as connection:
                last = await store.position_of(self._epoch, self._since - 1, connection) or BEFORE_ALL
        while at < self._size:
            async with slices() as connection:
                leaves, positions = await self._tiles(at, connection)
                if leaves:
                    rows = await self._rows(last, positions, connection)
                    await self._erased_meanwhile(rows, connection)
                    self.findings += self._compare(dict(zip(positions, leaves, strict=True)), rows)
                    last, at = positions[-1], at + len(leaves)
            for leaf in leaves:
                yield leaf
            if not leaves:
                return
        async with slices() as connection:
            rows = await self._rows(last, [LAST_POSITION], connection)
            await self._erased_meanwhile(rows, connection)
            self.findings += self._words_of(rows)

    async def _tiles(self, at: int, connection: asyncpg.Connection) -> tuple[list[Hash], list[int]]:
        """The leaves from an index on, and their positions; none where a tile is missing or cut."""
        number = at // tiles.WIDTH
        try:
            found = await connection.fetch(READ_LEAVES, self._epoch, number, -(-self._size // tiles.WIDTH))
        except DAMAGED as error:
            self.findings.append(damaged(f"tile 0/{number}", error))
            return [], []
        leaves: list[Hash] = []
        positions: list[int] = []
        for tile in found:
            width = min(tiles.WIDTH, self._size - tile["number"] * tiles.WIDTH)
            hashes, places = tiles.split(tile["hashes"])[:width], (tile["positions"] or [])[:width]
            if tile["number"] != number or len(hashes) != width or len(places) != width:
                break
            leaves += hashes
            positions += places
            number += 1
        if number == at // tiles.WIDTH:
            self.findings.append(Mismatch(f"tile 0/{number}", f"tile 0/{number}: it is missing or cut"))
        seen = at % tiles.WIDTH
        return leaves[seen:], positions[seen:]

    async def _rows(self, after: int, positions: Sequence[int], connection: asyncpg.Connection) -> list[asyncpg.Record]:
        """The rows beyond a position up to the last of these. Where some cannot be read, the others, one by one."""
        try:
            async with connection.transaction():
                return list(await connection.fetch(READ_ROWS, after, positions[-1]))
        except DAMAGED as error:
            await connection.execute("SET LOCAL enable_seqscan = off")  # which would read rows that are not needed
            if len(positions) == 1:
                self._unreadable.add(positions[0])
                self.findings.append(damaged(_place(positions[0]), error))
                return []
        half = len(positions) // 2
        first = await self._rows(after, positions[:half], connection)
        return [*first, *await self._rows(positions[half - 1], positions[half:], connection)]

    async def _erased_meanwhile(self, rows: Sequence[asyncpg.Record], connection: asyncpg.Connection) -> None:
        """Words that are missing may have been erased since the check began."""
        missing = [row for row in rows if row["content"] is None and (row[1], row[2]) not in self._erased]
        if any(_seal(row["state"]) is not None for row in missing):
            with contextlib.suppress(*DAMAGED):  # the check has begun with the same question, and said so
                async with connection.transaction():
                    await self._erased.follow(connection)

    def _compare(self, signed: dict[int, Hash], rows: Sequence[asyncpg.Record]) -> Iterator[Mismatch]:
        for row in rows:
            position, stream, version, topic, state = row[:5]
            leaf = signed.pop(position, None)
            if leaf is None:
                yield _of(row, "it was added later; the tree has no such row")
            elif event_hash(position, stream, version, topic, state) != leaf:
                yield _of(row, "it was altered")
        for position in sorted(signed.keys() - self._unreadable):
            yield Mismatch(f"position {position}", f"position {position}: the row is missing")
        yield from self._words_of(rows)

    def _words_of(self, rows: Sequence[asyncpg.Record]) -> Iterator[Mismatch]:
        for row in rows:
            self.rows += 1
            seal, is_erased = _seal(row["state"]), (row["originator_id"], row["originator_version"]) in self._erased
            if row["content"] is None:
                if seal is not None and not is_erased:
                    yield _of(row, "its words are missing, and no event erased them")
            elif is_erased:
                yield _of(row, "its words are there, and an event erased them")
            elif Opening(row["salt"], row["content"], row["client_id"]).seal != seal:
                yield _of(row, "its words are not those that were recorded")


async def stray_words(connection: asyncpg.Connection) -> list[Mismatch]:
    """Words that belong to no event."""
    rows = await connection.fetch(READ_STRAY_WORDS)
    places = [f"stream {stream}, version {version}" for stream, version in rows]
    return [Mismatch(place, f"{place}: words without an event") for place in places]


async def tiles_beyond(epoch: int, size: int, connection: asyncpg.Connection) -> list[Mismatch]:
    """Tiles that the size of the tree does not cover, in the snapshot that it was read in."""
    if not await connection.fetchval(HAS_MORE_TILES, epoch, size):
        return []
    return [Mismatch("tree", f"there are tiles beyond the {size:,} events of the tree")]


class _Versions(msgspec.Struct):
    versions: list[int]


class _Sealed(msgspec.Struct):
    sealed: str | None = None


_VERSIONS = msgspec.json.Decoder(_Versions)
_SEALED = msgspec.json.Decoder(_Sealed)


def _seal(state: bytes) -> str | None:
    """The commitment in a row; None where it has none, or where others wrote the row."""
    try:
        return _SEALED.decode(state).sealed
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _of(row: asyncpg.Record, problem: str) -> Mismatch:
    place = f"position {row[0]} (stream {row[1]}, version {row[2]})"
    return Mismatch(place, f"{place}: {problem}")


def _place(position: int) -> str:
    return f"position {position}" if position != LAST_POSITION else "positions beyond the tree"
