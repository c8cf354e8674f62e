"""The newest verification of the whole record that is itself on record."""

import asyncpg
from msgspec import Struct

from domain.custody import CUSTODY_ID
from eventstore.log import OCCURRED_AT, TABLE
from projections.readmodels.shapes import Timestamp, timestamp

TOPIC = "record_verified"

READ = f"""
SELECT {OCCURRED_AT} AS at, convert_from(state, 'utf8')::json AS verified FROM {TABLE}
WHERE originator_id = $1 AND topic = $2 ORDER BY originator_version DESC LIMIT 1
"""
READ_FIELDS = f"SELECT at, (verified ->> 'size')::bigint, (verified ->> 'findings')::bigint FROM ({READ}) AS newest"


class LastVerification(Struct, frozen=True):
    """When it was recorded, how many leaves of the tree it covered, and how much it found that is not as recorded."""

    at: Timestamp
    size: int
    findings: int


async def read_last_verification(connection: asyncpg.Connection) -> LastVerification | None:
    """The newest; None where none is on record."""
    row = await connection.fetchrow(READ_FIELDS, CUSTODY_ID, TOPIC)
    return LastVerification(timestamp(row[0]), row[1], row[2]) if row is not None else None
