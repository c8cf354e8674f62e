"""The sequence that gives positions, against the log."""

import asyncpg

from audit.checking.mismatch import Mismatch
from eventstore.log import TABLE as LOG

READ_ENDS = f"""
SELECT
    (SELECT coalesce(max(notification_id), 0) FROM {LOG}) AS newest,
    coalesce(pg_sequence_last_value(pg_get_serial_sequence('{LOG}', 'notification_id')::regclass), 0) AS given
"""


async def sequence_set_back(connection: asyncpg.Connection) -> list[Mismatch]:
    """Whether positions would be given again: then new events would stand among old ones."""
    newest, given = await connection.fetchrow(READ_ENDS)
    if given >= newest:
        return []
    said = f"the sequence of positions is at {given:,}, behind position {newest:,}: it was set back"
    return [Mismatch(f"position {newest}", said)]
