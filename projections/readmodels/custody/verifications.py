"""The verifications on record: what was compared last, when, and whether it fitted."""

from datetime import datetime
from typing import Annotated

import asyncpg
import msgspec
from msgspec import Meta, Struct

from domain.custody import CUSTODY_ID, Custody, Verification
from eventstore.log import TABLE as LOG
from eventstore.values import Position

# Those that came with an import are about another database.
LAST = f"""
SELECT notification_id, said FROM (
    SELECT notification_id, originator_version, event_state(originator_id, originator_version) AS said
    FROM {LOG} WHERE originator_id = '{CUSTODY_ID}' AND topic = '{Custody.RecordVerified.TOPIC}'
) AS verified
WHERE said->>'log_id' = (SELECT log_id::text FROM log_generation)
    AND (NOT $1 OR said->>'findings' = '0') AND (NOT $2 OR said->>'beyond' = '0')
ORDER BY originator_version DESC LIMIT 1
"""


class RecordedVerification(Struct, frozen=True):
    """A verification on record: where in the log, when, and what it found."""

    position: Position
    verified_at: datetime
    verification: Verification


async def last_verification(
    connection: asyncpg.Connection, *, is_good: bool = False, is_whole: bool = False
) -> RecordedVerification | None:
    """The newest verification of this log; with `is_good`, of those that found nothing; with `is_whole`, of those that
    compared everything. None where there is none.
    """
    row = await connection.fetchrow(LAST, is_good, is_whole)
    if row is None:
        return None
    try:
        verification = msgspec.json.decode(row["said"], type=Verification)
        said = msgspec.json.decode(row["said"], type=_Said)
    except msgspec.ValidationError:  # the row was altered, and a verification says so
        return None
    return RecordedVerification(row["notification_id"], said.timestamp.at, verification)


class _Time(Struct):
    at: Annotated[datetime, Meta(tz=True)] = msgspec.field(name="_data_")


class _Said(Struct):
    timestamp: _Time
