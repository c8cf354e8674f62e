"""Rows of the log become leaves of the tiles, in the order of their positions: every row, also an unreadable one."""

import asyncpg

from audit.tree import store, tiles
from audit.tree.store import Epoch
from audit.tree.tiles import HASH_BYTES, WIDTH, TileId
from eventstore.log import TABLE as LOG
from eventstore.values import Position

SLICE = 100 * WIDTH
"""The most leaves that one transaction adds."""

# The parameters: the epoch, its size and position, and how many leaves at most. A tile that is not full is continued.
ADD_LEAVES = f"""
WITH leaves AS (
    SELECT notification_id AS position,
        event_hash(notification_id, originator_id, originator_version, topic, state) AS leaf
    FROM {LOG} WHERE notification_id > $3::bigint ORDER BY notification_id LIMIT $4
), placed AS (
    SELECT ($2::bigint + row_number() OVER (ORDER BY position) - 1) / {WIDTH} AS number, position, leaf FROM leaves
), grown AS (
    INSERT INTO audit_tiles AS tile (epoch, level, number, hashes, positions)
    SELECT $1, 0, number, string_agg(leaf, NULL ORDER BY position), array_agg(position ORDER BY position)
    FROM placed GROUP BY number
    ON CONFLICT (epoch, level, number) DO UPDATE SET
        hashes = substr(tile.hashes, 1, $2::bigint::integer % {WIDTH} * {HASH_BYTES}) || excluded.hashes,
        positions = tile.positions[:$2 % {WIDTH}] || excluded.positions
    RETURNING number, hashes, positions[cardinality(positions)] AS last
)
SELECT number, hashes, last, (SELECT count(*) FROM placed) AS added FROM grown ORDER BY number
"""


class TileDamaged(Exception):
    """A tile does not hold the leaves that the tree has there; the text says which. Nothing can be added."""


async def grow(epoch: Epoch, connection: asyncpg.Connection) -> int:
    """Add the next leaves to the tiles, in the caller's transaction; return how many. Raises TileDamaged."""
    grown = await connection.fetch(ADD_LEAVES, epoch.number, epoch.size, epoch.position, SLICE)
    if not grown:
        return 0
    added: int = grown[0]["added"]
    size = epoch.size + added
    for number, leaves, *_ in grown:
        tile = TileId(0, number)
        if len(leaves) != tiles.width_at(tile, size) * HASH_BYTES:
            raise TileDamaged(_said(tile, epoch))
    above = await _above(epoch, tiles.nodes_above(row["hashes"] for row in grown), connection)
    await store.write_tiles(epoch.number, above, connection)
    await store.move_epoch(epoch.number, size, Position(grown[-1]["last"]), connection)
    return added


async def _above(epoch: Epoch, nodes: bytes, connection: asyncpg.Connection) -> dict[TileId, bytes]:
    """The tiles above the leaves that change as `nodes`, those above full tiles of leaves, are added to `epoch`."""
    changed: dict[TileId, bytes] = {}
    level = 1
    while nodes:
        number, width = divmod(epoch.size >> tiles.HEIGHT * level, WIDTH)
        edge = TileId(level, number)
        begun = (await store.read_tiles(epoch.number, [edge], connection)).get(edge, b"") if width else b""
        if len(begun) < width * HASH_BYTES:
            raise TileDamaged(_said(edge, epoch))
        grown = tiles.cut(edge, begun[: width * HASH_BYTES] + nodes)
        changed |= grown
        nodes = tiles.nodes_above(grown.values())
        level += 1
    return changed


def _said(tile: TileId, epoch: Epoch) -> str:
    return f"tile {tile.level}/{tile.number} is missing or cut, in a tree of {epoch.size} events"
