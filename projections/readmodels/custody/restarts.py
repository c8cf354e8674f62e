"""The epochs of the tree that are on record as begun."""

import asyncpg

from domain.custody import CUSTODY_ID, Custody
from eventstore.log import TABLE as LOG

# Those that came with an import are about the tree of another log.
IS_RECORDED = f"""
SELECT EXISTS (
    SELECT FROM {LOG}
    WHERE originator_id = '{CUSTODY_ID}' AND topic = '{Custody.AuditRestarted.TOPIC}'
        AND event_state(originator_id, originator_version) ->> 'epoch' = $1
        AND event_state(originator_id, originator_version) ->> 'checkpoint' = $2
)
"""


async def is_restart_recorded(epoch: int, checkpoint: str, connection: asyncpg.Connection) -> bool:
    """Whether an event says that this epoch begins, after this checkpoint."""
    return bool(await connection.fetchval(IS_RECORDED, str(epoch), checkpoint))
