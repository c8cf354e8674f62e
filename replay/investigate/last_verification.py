"""The newest verification of the whole record that is itself on record."""

import asyncpg
from msgspec import Struct

from projections.readmodels.custody.verifications import last_verification
from projections.readmodels.shapes import Timestamp, timestamp


class LastVerification(Struct, frozen=True):
    """When it was recorded, how many leaves of the tree it covered, and how much it found that is not as recorded."""

    at: Timestamp
    size: int
    findings: int


async def read_last_verification(connection: asyncpg.Connection) -> LastVerification | None:
    """The newest that compared everything; None where none is on record."""
    last = await last_verification(connection, is_whole=True)
    if last is None:
        return None
    return LastVerification(timestamp(last.verified_at), last.verification.size, last.verification.findings)
