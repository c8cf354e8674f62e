"""When the whole record is verified next: so long after the last time or, before the first, after its tree began."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from audit.tree import store
from projections.readmodels.custody.verifications import RecordedVerification, last_verification


@dataclass(frozen=True, slots=True)
class VerifiedSoFar:
    """The newest verification of everything that is on record, None before the first; and when the newest tree began,
    None before there is one.
    """

    last: RecordedVerification | None
    began_at: datetime | None

    def due_at(self, every_s: float) -> datetime | None:
        """When it is due, where it is verified so often; None before there is a tree."""
        if self.began_at is None:
            return None
        since = self.last.verified_at if self.last is not None else self.began_at
        return since + timedelta(seconds=every_s)


async def verified_so_far(connection: asyncpg.Connection) -> VerifiedSoFar:
    """What is on record now."""
    return VerifiedSoFar(await last_verification(connection, is_whole=True), await store.began_at(connection))
