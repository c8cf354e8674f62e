"""Finds the event that blocks the inline read models."""

import asyncpg

from eventstore import checkpoints
from eventstore.errors import UnreadableEvent
from eventstore.log import Log
from eventstore.writer.append import FOLD_PAGE
from projections.readmodels.projection import RoomsProjection


async def stopped_by(log: Log, connection: asyncpg.Connection) -> str | None:
    """The event beyond their checkpoint that this program cannot read, and why; None when it can read all.

    Until it can, every writer of this program refuses commands: it must not append beyond an event it cannot fold.
    """
    checkpoint = await checkpoints.read(RoomsProjection.name, connection)
    head = await log.last_position(connection=connection)
    try:
        await log.between(checkpoint, head, limit=FOLD_PAGE, connection=connection)
    except UnreadableEvent as error:
        return str(error)
    return None
