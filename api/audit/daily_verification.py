"""The service verifies the whole record by itself, in slices that leave the machine to the chat, and says so on it."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

from api.core import Core
from audit.checking.slices import Slices
from audit.checking.tree_check import NoTree
from audit.signing.anchor import AnchorUnavailable
from domain.custody import Verification
from postgres import locks
from postgres.database import Database
from postgres.errors import StoreError
from projections.readmodels.custody.verifications import RecordedVerification, last_verification
from replay.rebuild.whole_record import RecordCheck

LOOK_EVERY_S = 60.0
"""How often a process looks whether a verification is due."""

READ_BEGAN = "SELECT began_at FROM audit_epochs ORDER BY epoch DESC LIMIT 1"

log = logging.getLogger(__name__)


class DailyVerification:
    """Verifies when the last verification of everything is old enough, in one process at a time.

    Nothing of one that was interrupted is kept: the next begins again.
    """

    def __init__(
        self,
        core: Core,
        check: RecordCheck,
        open_database: Callable[[], AbstractAsyncContextManager[Database]],
        slices: Callable[[Database], Slices],
        dsn: str,
        *,
        every_s: float | None,
    ) -> None:
        """`open_database`: with the patience that reading a whole log takes. `every_s`: None for never."""
        self._core = core
        self._check = check
        self._open_database = open_database
        self._slices = slices
        self._dsn = dsn
        self._every_s = every_s
        self.last: RecordedVerification | None = None
        """The newest on record, when this process looked last."""

    async def run(self) -> None:
        """Look from time to time, until cancelled, and verify when it is due."""
        every_s = LOOK_EVERY_S if self._every_s is None else min(LOOK_EVERY_S, self._every_s)
        while True:
            try:
                await self.verify_if_due()
            except (StoreError, AnchorUnavailable, NoTree) as error:
                log.warning("the record was not verified: %s", error)
            except Exception:
                log.exception("the record was not verified")
            await asyncio.sleep(every_s)

    async def verify_if_due(self) -> None:
        """Verify, unless it is not due or another process does so at this moment."""
        if not await self._is_due():
            return
        async with self._open_database() as database, database.connection() as holder:
            if not await locks.VERIFICATION.try_take(holder) or not await self._is_due():
                return
            checked = await self._check.run(self._slices(database), self._dsn)
        _say(checked.verification)
        await self._core.record.record_verification(checked.verification)
        await self._look()

    async def _is_due(self) -> bool:
        whole, began_at = await self._look()
        if self._every_s is None or began_at is None:
            return False
        since = whole.verified_at if whole is not None else began_at
        return not 0 <= (datetime.now(UTC) - since).total_seconds() < self._every_s

    async def _look(self) -> tuple[RecordedVerification | None, datetime | None]:
        """The newest verification of everything, and when the tree began."""
        async with self._core.database.connection() as connection:
            self.last = await last_verification(connection)
            return await last_verification(connection, is_whole=True), await connection.fetchval(READ_BEGAN)


def _say(verification: Verification) -> None:
    counts = {"events": verification.rows, "checkpoints": verification.checkpoints}
    if verification.findings:
        places = ", ".join(verification.places)
        log.error("the record does not fit", extra={**counts, "findings": verification.findings, "places": places})
    else:
        log.info("the record was verified", extra=counts)
