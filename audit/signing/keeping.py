"""Keeps the tree of the log: adds leaves and signs checkpoints, in one process at a time."""

import asyncio
import logging
from datetime import UTC, datetime

import asyncpg

from audit.signing.anchor import AnchorUnavailable
from audit.signing.notes import BadNote
from audit.signing.signer import Contradiction, KeyMissing, Signer
from audit.tree import growth, store
from audit.tree.growth import TileDamaged
from audit.tree.store import Epoch
from postgres import locks
from postgres.database import Database
from postgres.errors import StoreUnavailable

EVERY_S = 1.0
"""At most one checkpoint in so many seconds."""

BUSY = 500
"""After so many leaves at once, the next look waits a little longer: a slice costs less than two."""
BUSY_EVERY_S = 1.5

READ_LOG_ID = "SELECT log_id FROM log_generation"

SAID_EVERY = 10 * growth.SLICE
"""So many leaves are added between two lines of progress."""

log = logging.getLogger(__name__)


class TreeKeeping:
    """The work of one process. What is added and signed is in the database and the anchor, for all processes."""

    def __init__(self, database: Database, signer: Signer | None, origin: str) -> None:
        """`signer` is None where this process has no key: then others sign, if at all. `origin`: the log's name, which
        is fixed at the first start; empty for one that is made of the log's own id.
        """
        self._database = database
        self._signer = signer
        self._origin = origin
        self._is_busy = False
        self._said = ""
        self._missing_said = ""

    async def run(self) -> None:
        """Keep the tree until cancelled. While the database or the anchor is away, try again."""
        while True:
            try:
                await self.keep(apart_s=EVERY_S)
                self._said = ""
            except (StoreUnavailable, AnchorUnavailable, BadNote) as error:
                self._say(f"the tree is not kept: {error}")
            except KeyMissing as error:
                self._say_missing(error)
            except Exception:
                log.exception("the tree is not kept")
            await asyncio.sleep(BUSY_EVERY_S if self._is_busy else EVERY_S)

    async def keep(self, *, apart_s: float = 0.0) -> None:
        """Add what the log has, and sign it, unless another process does so at this moment, or signed less than
        `apart_s` ago: several processes sign no more often than one.
        """
        async with self._database.connection() as connection:
            if not await locks.AUDIT_TREE.try_take(connection):
                return
            try:
                epoch = await self._grow(connection)
                signer = self._signer if epoch.stopped_why is None else None
                if signer is not None and await _is_time(epoch, apart_s, connection):
                    await signer.sign(epoch, connection)
            except (Contradiction, TileDamaged) as error:
                await self._stop(str(error), connection)
            finally:
                await locks.AUDIT_TREE.release(connection)

    async def _grow(self, connection: asyncpg.Connection) -> Epoch:
        """Add what the log has; return the epoch then."""
        epoch = await store.read_epoch(connection)
        if epoch is None:
            origin = self._origin or f"{await connection.fetchval(READ_LOG_ID)}.onrecord.invalid/audit"
            await store.begin_epoch(1, f"{origin}/1", connection)
            epoch = await self._epoch(connection)
        began_at, added = epoch.size, growth.SLICE
        while added == growth.SLICE:
            before = epoch.size
            async with connection.transaction():
                epoch = await growth.grow(epoch, connection)
            added = epoch.size - before
            if added and (epoch.size - began_at) % SAID_EVERY == 0:
                log.info("the log is taken into its tree", extra={"events": epoch.size})
        self._is_busy = epoch.size - began_at > BUSY
        return epoch

    async def _epoch(self, connection: asyncpg.Connection) -> Epoch:
        epoch = await store.read_epoch(connection)
        assert epoch is not None, "an epoch does not end"
        return epoch

    async def _stop(self, why: str, connection: asyncpg.Connection) -> None:
        epoch = await self._epoch(connection)
        if epoch.stopped_why is None:
            await store.stop_epoch(epoch.number, why, connection)
            log.error("no checkpoint is signed any more", extra={"reason": why, "origin": epoch.origin})

    def _say(self, text: str) -> None:
        """Log a state once, for as long as it lasts."""
        if text != self._said:
            log.warning(text)
            self._said = text

    def _say_missing(self, error: KeyMissing) -> None:
        """Log it once. Where other processes sign, it comes up with every second event."""
        if str(error) != self._missing_said:
            log.error("this process signs no checkpoint any more: %s", error)
            self._missing_said = str(error)


async def _is_time(epoch: Epoch, apart_s: float, connection: asyncpg.Connection) -> bool:
    """Whether the last checkpoint is so old; a clock that went back does not matter."""
    published = await store.read_checkpoint(epoch.number, connection)
    return published is None or not 0 <= (datetime.now(UTC) - published.signed_at).total_seconds() < apart_s
