"""What is read of the tree by others: checkpoints, tiles and entries. Source: C2SP tlog-tiles."""

import asyncpg

from audit.tree import store, tiles
from audit.tree.entries import Row, bundle
from audit.tree.tiles import HASH_BYTES, TileId
from eventstore.log import TABLE as LOG

READ_CHECKPOINT = "SELECT note FROM audit_checkpoints WHERE epoch = $1 ORDER BY size DESC LIMIT 1"
READ_SIZE = "SELECT coalesce(max(size), 0) FROM audit_checkpoints WHERE epoch = $1"
READ_ROWS = f"""
SELECT notification_id, originator_id, originator_version, coalesce(topic, ''), coalesce(state, '')
FROM {LOG} WHERE notification_id = ANY($1) ORDER BY notification_id
"""


async def checkpoint(epoch: int, connection: asyncpg.Connection) -> str | None:
    """The newest checkpoint of an epoch, as a note."""
    note: str | None = await connection.fetchval(READ_CHECKPOINT, epoch)
    return note


async def tile(epoch: int, asked: TileId, width: int, connection: asyncpg.Connection) -> bytes | None:
    """The first `width` hashes of a tile; None where no checkpoint covers so many."""
    if width > tiles.width_at(asked, await connection.fetchval(READ_SIZE, epoch)):
        return None
    found = await store.read_tiles(epoch, [asked], connection)
    return found[asked][: width * HASH_BYTES] if asked in found else None


async def entries(epoch: int, number: int, width: int, connection: asyncpg.Connection) -> bytes | None:
    """The entries of the first `width` leaves of a tile of level 0; None where no checkpoint covers so many."""
    if width > tiles.width_at(TileId(0, number), await connection.fetchval(READ_SIZE, epoch)):
        return None
    positions = (await store.read_positions(epoch, number, connection))[:width]
    return bundle([Row(*row) for row in await connection.fetch(READ_ROWS, positions)])
