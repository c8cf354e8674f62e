"""Rows of the log become leaves of the tiles, in the order of their positions: every row, also an unreadable one."""

from dataclasses import dataclass, field

import asyncpg

from audit.tree import store, tiles
from audit.tree.merkle import Hash
from audit.tree.store import Epoch
from audit.tree.tiles import HASH_BYTES, WIDTH, TileId
from eventstore.log import TABLE as LOG
from eventstore.values import Position

SLICE = 100 * WIDTH
"""The most leaves that one transaction adds."""

READ_LEAVES = f"""
SELECT notification_id, event_hash(notification_id, originator_id, originator_version, topic, state)
FROM {LOG} WHERE notification_id > $1 ORDER BY notification_id LIMIT $2
"""


@dataclass(slots=True)
class RightEdge:
    """The tiles that leaves are added to, one of each level, and those that were written since."""

    partial: dict[int, bytearray]
    size: int
    positions: list[Position]
    written: dict[TileId, bytes] = field(default_factory=dict)
    written_positions: dict[TileId, list[Position]] = field(default_factory=dict)

    def add(self, leaf: Hash, position: Position) -> None:
        """Add a leaf."""
        self.positions.append(position)
        self._add(0, self.size, leaf)
        self.size += 1

    def finish(self) -> None:
        """Write the tiles that are not full."""
        for level, hashes in self.partial.items():
            if hashes:
                self._write(level, (self.size >> tiles.HEIGHT * level) // WIDTH)

    def _add(self, level: int, index: int, node: Hash) -> None:
        hashes = self.partial.setdefault(level, bytearray())
        hashes += node
        if len(hashes) == WIDTH * HASH_BYTES:
            self._write(level, index // WIDTH)
            self.partial[level] = bytearray()
            if level == 0:
                self.positions = []
            self._add(level + 1, index // WIDTH, tiles.fold(tiles.split(bytes(hashes))))

    def _write(self, level: int, number: int) -> None:
        tile = TileId(level, number)
        self.written[tile] = bytes(self.partial[level])
        if level == 0:
            self.written_positions[tile] = self.positions


async def grow(epoch: Epoch, connection: asyncpg.Connection) -> int:
    """Add the next leaves to the tiles, in the caller's transaction; return how many."""
    rows = await connection.fetch(READ_LEAVES, epoch.position, SLICE)
    if not rows:
        return 0
    edge = await _read_edge(epoch, connection)
    for position, leaf in rows:
        edge.add(leaf, position)
    edge.finish()
    await store.write_tiles(epoch.number, edge.written, edge.written_positions, connection)
    await store.move_epoch(epoch.number, edge.size, Position(rows[-1][0]), connection)
    return len(rows)


async def _read_edge(epoch: Epoch, connection: asyncpg.Connection) -> RightEdge:
    partial = [
        TileId(level, (epoch.size >> tiles.HEIGHT * level) // WIDTH)
        for level in range(tiles.HIGHEST_LEVEL + 1)
        if (epoch.size >> tiles.HEIGHT * level) % WIDTH
    ]
    read = await store.read_tiles(epoch.number, partial, connection)
    edge = {tile.level: bytearray(read[tile][: tiles.width_at(tile, epoch.size) * HASH_BYTES]) for tile in partial}
    positions = await store.read_positions(epoch.number, epoch.size // WIDTH, connection) if epoch.size % WIDTH else []
    return RightEdge(edge, epoch.size, positions[: epoch.size % WIDTH])
