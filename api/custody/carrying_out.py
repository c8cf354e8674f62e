"""Erases what rules say, and what requests asked for that holds and duties kept; in one process at a time."""

import asyncio
import logging

from domain.use_cases.disposition import Disposition
from domain.use_cases.erasure import Erasing
from eventstore.errors import WordsHeld
from eventstore.values import Position
from postgres import locks
from postgres.database import Database
from postgres.errors import StoreError, StoreUnavailable
from projections.readmodels.custody.queries import Request, erase_what_was_spared, read_due_requests

AFTER_S = 60.0
"""How old a request is that was left behind by the process that made it."""

REQUESTS = 100
"""How many requests one run goes on with."""

NO_REASON = "the reason was erased"

log = logging.getLogger(__name__)


class CarryingOut:
    """Looks for what may be erased now. A hold that is placed while it does is kept: the table refuses."""

    def __init__(self, database: Database, erasing: Erasing[Position], disposition: Disposition) -> None:
        self._database = database
        self._erasing = erasing
        self._disposition = disposition
        self._seen_end = 0

    async def run(self, *, every_s: float) -> None:
        """Carry out what is due every `every_s` seconds, until cancelled; skip a round when the database is away."""
        while True:
            try:
                await self.carry_out()
            except StoreUnavailable:
                log.warning("retention skipped: the database is not available")
            except Exception:
                log.exception("retention failed")
            await asyncio.sleep(every_s)

    async def carry_out(self) -> None:
        """Carry out what is due, unless another process does so at this moment."""
        async with self._database.connection() as connection:
            if not await locks.DISPOSITION.try_take(connection):
                return
            try:
                due = await read_due_requests(connection, after_s=AFTER_S, limit=REQUESTS)
                for request in due:
                    await self._go_on(request)
                await self._dispose()
                self._seen_end = await erase_what_was_spared(connection, since=self._seen_end)
            finally:
                await locks.DISPOSITION.release(connection)

    async def _go_on(self, request: Request) -> None:
        try:
            plan = await self._erasing.go_on(
                request.request,
                request.target,
                erased_by=request.requested_by,
                why=request.why or NO_REASON,
                since=request.requested_at,
                counted=request.erased,
                was_interrupted=request.carried_out_at is None,
            )
        except WordsHeld as error:
            log.info("a request waits again", extra={"request": str(request.request), "reason": str(error)})
        except StoreUnavailable:
            raise
        except StoreError as error:
            log.error("a request was not carried out", extra={"request": str(request.request), "reason": str(error)})
        else:
            log.info(
                "went on with a request to erase",
                extra={"request": str(request.request), "erased": plan.count, "held": plan.outcome.held},
            )

    async def _dispose(self) -> None:
        try:
            if erased := await self._disposition.run():
                log.info("erased by rules of retention", extra={"messages": erased})
        except WordsHeld as error:
            log.info("a hold was placed on what a rule would erase", extra={"reason": str(error)})
