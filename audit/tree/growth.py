"""Rows of the log become leaves of the tiles, in the order of their positions: every row, also an unreadable one."""

import asyncpg

from audit.tree import store, tiles
from audit.tree.store import Epoch
from audit.tree.tiles import HASH_BYTES, WIDTH, TileId

SLICE = 100 * WIDTH
"""The most leaves that one transaction adds."""


class TileDamaged(Exception):
    """A tile does not hold the leaves that the tree has there; the text says which. Nothing can be added."""


async def grow(epoch: Epoch, connection: asyncpg.Connection) -> Epoch:
    """Add the next leaves to the tiles, in the caller's transaction; return the epoch then. Raises TileDamaged."""
    after, grown = await store.add_leaves(epoch, SLICE, connection)
    for tile, hashes in grown.items():
        if len(hashes) != tiles.width_at(tile, after.size) * HASH_BYTES:
            raise TileDamaged(_said(tile, epoch))
    above = await _above(epoch, tiles.nodes_above(grown.values()), connection)
    await store.write_tiles(epoch.number, above, connection)
    return after


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
