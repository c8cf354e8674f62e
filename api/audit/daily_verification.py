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
from replay.rebuild.verification_due import verified_so_far
from replay.rebuild.whole_record import RecordCheck

LOOK_EVERY_S = 60.0
"""How often a process looks whether a verification is due."""

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

    async def run(self) -> None:
        """Look from time to time, until cancelled, and verify when it is due; return at once where it never is."""
        if self._every_s is None:
            return
        while True:
            try:
                await self.verify_if_due()
            except (StoreError, AnchorUnavailable, NoTree) as error:
                log.warning("the record was not verified: %s", error)
            except Exception:
                log.exception("the record was not verified")
            await asyncio.sleep(min(LOOK_EVERY_S, self._every_s))

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

    async def _is_due(self) -> bool:
        if self._every_s is None:
            return False
        async with self._core.database.connection() as connection:
            so_far = await verified_so_far(connection)
        due_at = so_far.due_at(self._every_s)
        return due_at is not None and not 0 < (due_at - datetime.now(UTC)).total_seconds() <= self._every_s


def _say(verification: Verification) -> None:
    counts = {"events": verification.rows, "checkpoints": verification.checkpoints}
    if verification.findings:
        places = ", ".join(verification.places)
        log.error("the record does not fit", extra={**counts, "findings": verification.findings, "places": places})
    else:
        log.info("the record was verified", extra=counts)
