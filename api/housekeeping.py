"""Removes expired rows from time to time. Any number of processes may do so at once."""

import asyncio
import logging

from api.accounts import one_time_links
from api.accounts.sessions import Sessions
from api.accounts.shared_buckets import SharedBuckets
from eventstore.idempotency_keys import remove_old_keys
from postgres.database import Database
from postgres.errors import StoreUnavailable

log = logging.getLogger(__name__)


class Housekeeping:
    """Removes expired sessions, invitations and password resets, limits that are full again, and idempotency
    keys older than `keep_keys_s`.
    """

    def __init__(self, database: Database, sessions: Sessions, buckets: SharedBuckets, *, keep_keys_s: float) -> None:
        self._database = database
        self._sessions = sessions
        self._buckets = buckets
        self._keep_keys_s = keep_keys_s

    async def run(self, *, every_s: float) -> None:
        """Clean up every `every_s` seconds until cancelled; skip a round when the database is away."""
        while True:
            try:
                await self.clean()
            except StoreUnavailable:
                log.warning("housekeeping skipped: the database is not available")
            except Exception:
                log.exception("housekeeping failed")
            await asyncio.sleep(every_s)

    async def clean(self) -> None:
        """Remove everything that has expired."""
        await self._sessions.remove_expired()
        await self._buckets.remove_full()
        async with self._database.connection() as connection:
            await one_time_links.remove_expired(connection)
        await remove_old_keys(self._database, keep_s=self._keep_keys_s)
