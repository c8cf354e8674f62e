"""What keeps the inline read models from going on."""

import asyncpg

from eventstore.append import FOLD
from eventstore.errors import UnreadableEvent
from eventstore.log import Log
from projections.readmodels.projection import RoomsProjection

CHECKPOINT = "SELECT coalesce((SELECT position FROM checkpoints WHERE projection = $1), 0)"


async def stopped_by(log: Log, connection: asyncpg.Connection) -> str | None:
    """Which event beyond their checkpoint this program cannot read, and why; None when there is none.

    While there is one, every writer of this program refuses commands: it may not append beyond what it cannot fold.
    """
    checkpoint = await connection.fetchval(CHECKPOINT, RoomsProjection.name)
    head = await log.last_position(connection=connection)
    try:
        await log.between(checkpoint, head, limit=FOLD, connection=connection)
    except UnreadableEvent as error:
        return str(error)
    return None
