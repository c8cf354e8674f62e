"""Repairing the rows of one room in place."""

from domain.values import RoomId
from eventstore import append_lock, checkpoints
from eventstore.values import LOG_START
from projections.readmodels.tables import LIVE, replace_room
from replay.rebuild.fold import Fold
from replay.rebuild.verify import TEMPORARY, Difference, find_differences, temporary_tables


async def repair_room(fold: Fold, dsn: str, room_id: RoomId) -> list[Difference]:
    """Make the live rows of one room what the log says, and return those that differed. Raises StoreUnavailable.

    Appends wait while its rows are compared; readers never do.
    """
    async with temporary_tables(fold, dsn) as connection:
        position = await checkpoints.read(fold.name, connection, schema=LIVE)
        await fold.stream(room_id, LOG_START, position, connection)
        async with connection.transaction():
            await append_lock.take(connection)
            at = await checkpoints.read(fold.name, connection, schema=LIVE)
            await fold.stream(room_id, position, at, connection)
            differences = await find_differences(connection, room_id)
            await replace_room(room_id, connection, source=TEMPORARY)
        return differences
