"""The tree in the database: epochs, tiles, checkpoints. The caller decides what is one transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import asyncpg

from audit.tree import merkle, tiles
from audit.tree.merkle import Hash
from audit.tree.tiles import TileId
from eventstore.log import TABLE as LOG
from eventstore.values import Position

READ_EPOCH = "SELECT epoch, origin, size, position, stopped_why FROM audit_epochs ORDER BY epoch DESC LIMIT 1"
BEGIN_EPOCH = "INSERT INTO audit_epochs (epoch, origin) VALUES ($1, $2)"
STOP_EPOCH = "UPDATE audit_epochs SET stopped_why = $2, stopped_at = now() WHERE epoch = $1 AND stopped_why IS NULL"

READ_TILES = """
SELECT level, number, hashes FROM audit_tiles
JOIN unnest($2::integer[], $3::bigint[]) AS asked (level, number) USING (level, number) WHERE epoch = $1
"""
READ_POSITIONS = "SELECT positions FROM audit_tiles WHERE epoch = $1 AND level = 0 AND number = $2"
WRITE_TILES = """
INSERT INTO audit_tiles (epoch, level, number, hashes)
SELECT $1, level, number, hashes
FROM unnest($2::integer[], $3::bigint[], $4::bytea[]) AS written (level, number, hashes)
ON CONFLICT (epoch, level, number) DO UPDATE SET hashes = excluded.hashes
"""

# The parameters: the epoch, its size and position, and how many leaves at most. A tile that is not full is continued.
ADD_LEAVES = f"""
WITH leaves AS (
    SELECT notification_id AS position,
        event_hash(notification_id, originator_id, originator_version, topic, state) AS leaf
    FROM {LOG} WHERE notification_id > $3::bigint ORDER BY notification_id LIMIT $4
), placed AS (
    SELECT ($2::bigint + row_number() OVER (ORDER BY position) - 1) / {tiles.WIDTH} AS number, position, leaf
    FROM leaves
), grown AS (
    INSERT INTO audit_tiles AS tile (epoch, level, number, hashes, positions)
    SELECT $1, 0, number, string_agg(leaf, NULL ORDER BY position), array_agg(position ORDER BY position)
    FROM placed GROUP BY number
    ON CONFLICT (epoch, level, number) DO UPDATE SET
        hashes = substr(tile.hashes, 1, $2::bigint::integer % {tiles.WIDTH} * {tiles.HASH_BYTES}) || excluded.hashes,
        positions = tile.positions[:$2 % {tiles.WIDTH}] || excluded.positions
    RETURNING number, hashes
), moved AS (
    UPDATE audit_epochs SET size = $2 + added, position = last
    FROM (SELECT count(*) AS added, max(position) AS last FROM placed) AS new WHERE epoch = $1 AND added > 0
    RETURNING size, position
)
SELECT number, hashes, size, position FROM grown CROSS JOIN moved ORDER BY number
"""

READ_CHECKPOINT = """
SELECT size, note, signed_at FROM audit_checkpoints WHERE epoch = $1 ORDER BY size DESC LIMIT 1
"""
WRITE_CHECKPOINT = """
INSERT INTO audit_checkpoints (epoch, size, note, signed_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (epoch, size) DO UPDATE SET note = excluded.note, signed_at = excluded.signed_at
"""


@dataclass(frozen=True, slots=True)
class Epoch:
    """A tree: how many leaves its tiles hold, the position of the last, and why nothing is signed, if so."""

    number: int
    origin: str
    size: int
    position: Position
    stopped_why: str | None


@dataclass(frozen=True, slots=True)
class Published:
    """A checkpoint that is served, as a note."""

    size: int
    note: str
    signed_at: datetime


async def read_epoch(connection: asyncpg.Connection) -> Epoch | None:
    """The newest epoch; None before the first."""
    row = await connection.fetchrow(READ_EPOCH)
    return Epoch(row[0], row[1], row[2], Position(row[3]), row[4]) if row is not None else None


async def began_at(connection: asyncpg.Connection) -> datetime | None:
    """When the newest epoch began; None before the first."""
    row = await connection.fetchrow("SELECT began_at FROM audit_epochs ORDER BY epoch DESC LIMIT 1")
    return row[0] if row is not None else None


async def origins(connection: asyncpg.Connection) -> list[str]:
    """The names of all epochs, oldest first."""
    return [row[0] for row in await connection.fetch("SELECT origin FROM audit_epochs ORDER BY epoch")]


async def begin_epoch(number: int, origin: str, connection: asyncpg.Connection) -> None:
    """Begin an epoch without leaves."""
    await connection.execute(BEGIN_EPOCH, number, origin)


async def add_leaves(epoch: Epoch, most: int, connection: asyncpg.Connection) -> tuple[Epoch, dict[TileId, bytes]]:
    """Add so many leaves at most to the tiles, of the rows that follow; return the epoch then, and the tiles of leaves
    that changed, as they are now.
    """
    rows = await connection.fetch(ADD_LEAVES, epoch.number, epoch.size, epoch.position, most)
    after = replace(epoch, size=rows[0]["size"], position=Position(rows[0]["position"])) if rows else epoch
    return after, {TileId(0, row["number"]): row["hashes"] for row in rows}


async def stop_epoch(number: int, why: str, connection: asyncpg.Connection) -> None:
    """Record that nothing is signed any more. The first reason stays."""
    await connection.execute(STOP_EPOCH, number, why)


async def read_tiles(epoch: int, asked: Iterable[TileId], connection: asyncpg.Connection) -> dict[TileId, bytes]:
    """The tiles that are there, of those asked for."""
    ids = list(asked)
    rows = await connection.fetch(READ_TILES, epoch, [tile.level for tile in ids], [tile.number for tile in ids])
    return {TileId(row["level"], row["number"]): row["hashes"] for row in rows}


async def read_positions(epoch: int, number: int, connection: asyncpg.Connection) -> list[Position]:
    """The positions of the leaves in a tile of level 0; none where there is no such tile."""
    return await connection.fetchval(READ_POSITIONS, epoch, number) or []


async def position_of(epoch: int, index: int, connection: asyncpg.Connection) -> Position | None:
    """The position of a leaf; None where the tiles do not have it."""
    positions = await read_positions(epoch, index // tiles.WIDTH, connection)
    place = index % tiles.WIDTH
    return positions[place] if place < len(positions) else None


async def write_tiles(epoch: int, written: Mapping[TileId, bytes], connection: asyncpg.Connection) -> None:
    """Write tiles above the leaves, each as it is now."""
    if written:
        levels, numbers = [tile.level for tile in written], [tile.number for tile in written]
        await connection.execute(WRITE_TILES, epoch, levels, numbers, list(written.values()))


async def read_checkpoint(epoch: int, connection: asyncpg.Connection) -> Published | None:
    """The newest checkpoint of an epoch."""
    row = await connection.fetchrow(READ_CHECKPOINT, epoch)
    return Published(*row) if row is not None else None


async def write_checkpoint(epoch: int, published: Published, connection: asyncpg.Connection) -> None:
    """Serve a checkpoint from now on. One of the same size is replaced: it tells a later time."""
    await connection.execute(WRITE_CHECKPOINT, epoch, published.size, published.note, published.signed_at)


class TileNodes:
    """Nodes of the tree of one epoch, from tiles that were read before."""

    def __init__(self, read: Mapping[TileId, bytes]) -> None:
        self._tiles = read

    def __call__(self, level: int, index: int) -> Hash:
        return tiles.node_in(self._tiles, level, index)


async def read_nodes(epoch: int, needed: Iterable[tuple[int, int]], connection: asyncpg.Connection) -> TileNodes:
    """Nodes given by level and index, ready to be asked for. Those whose tile is missing raise KeyError when asked."""
    return TileNodes(await read_tiles(epoch, tiles.tiles_of(needed), connection))


async def peaks_of(epoch: int, size: int, connection: asyncpg.Connection) -> list[Hash]:
    """As `merkle.peaks`, from the tiles. Raises KeyError for a tile that is missing."""
    needed: list[tuple[int, int]] = []
    merkle.peaks(size, _noting(needed))
    return merkle.peaks(size, await read_nodes(epoch, needed, connection))


async def inclusion_path(epoch: int, index: int, size: int, connection: asyncpg.Connection) -> list[Hash]:
    """As `merkle.inclusion_path`, from the tiles. Raises KeyError for a tile that is missing."""
    needed: list[tuple[int, int]] = []
    merkle.inclusion_path(index, size, _noting(needed))
    return merkle.inclusion_path(index, size, await read_nodes(epoch, needed, connection))


async def consistency_path(epoch: int, old: int, size: int, connection: asyncpg.Connection) -> list[Hash]:
    """As `merkle.consistency_path`, from the tiles. Raises KeyError for a tile that is missing."""
    needed: list[tuple[int, int]] = []
    merkle.consistency_path(old, size, _noting(needed))
    return merkle.consistency_path(old, size, await read_nodes(epoch, needed, connection))


def _noting(needed: list[tuple[int, int]]) -> merkle.Node:
    """Stands for the nodes and notes which are asked for, so that their tiles are read in one statement."""

    def node(level: int, index: int) -> Hash:
        needed.append((level, index))
        return merkle.EMPTY_ROOT

    return node
