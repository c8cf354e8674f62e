"""Leases: which users may be listening. The fan-out publishes to those, not to every member.

A personal channel needs a subscription token. The lease is committed before the token is returned, and a lane reads
leases after the events that it applies them to. So an event that skipped a user was in the log before that user's next
token was issued, and the feed that they load with the token contains it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

import asyncpg

from domain.values import UserId
from postgres.database import Database

GRACE_S = 60.0
"""How long a lease outlives its token: clocks differ, and a server closes expired connections late."""

RENEW = """
INSERT INTO leases AS lease (user_id, warm_until) VALUES ($1, now() + $2::interval)
ON CONFLICT (user_id) DO UPDATE
SET warm_until = greatest(lease.warm_until, excluded.warm_until), is_paused = false, changed_in = pg_current_xact_id()
WHERE lease.is_paused OR lease.warm_until < now() + $3::interval
"""

# The first read takes every open lease; it is complete up to `snapshot`.
READ_OPEN_LEASES = """
SELECT head.now, head.snapshot::text AS snapshot, lease.user_id, lease.warm_until, lease.is_paused
FROM (SELECT now() AS now, pg_current_snapshot() AS snapshot) AS head
LEFT JOIN (SELECT * FROM leases WHERE user_id % $1 = $2 AND NOT is_paused) AS lease ON true
"""

# Later reads take only what the last snapshot did not show: transactions that began after it, and those that it saw
# running. A transaction that stays open costs nothing. Transaction ids beyond the current one come from another
# cluster, with a dump of its rows: the first read has taken those leases, and they have not changed since.
READ_CHANGED_LEASES = """
SELECT head.now, head.snapshot::text AS snapshot, lease.user_id, lease.warm_until, lease.is_paused
FROM (SELECT now() AS now, pg_current_snapshot() AS snapshot) AS head
LEFT JOIN LATERAL (
    SELECT * FROM leases
    WHERE user_id % $1 = $2 AND changed_in < pg_snapshot_xmax(head.snapshot)
        AND (changed_in >= pg_snapshot_xmax($3::text::pg_snapshot)
            OR changed_in = ANY (ARRAY(SELECT pg_snapshot_xip($3::text::pg_snapshot))))
) AS lease ON true
"""

PAUSE = """
UPDATE leases SET is_paused = true, changed_in = pg_current_xact_id()
WHERE user_id = ANY($1) AND warm_until <= $2 AND NOT is_paused
"""

# Tokens of the lost part of the log may be in use, and their leases went with it. So any user may be listening whose
# account is not erased.
WARM_ALL = """
INSERT INTO leases AS lease (user_id, warm_until)
SELECT user_id, now() + $3::interval FROM users WHERE user_id % $1 = $2 AND erased_at IS NULL
ON CONFLICT (user_id) DO UPDATE SET
    warm_until = greatest(lease.warm_until, excluded.warm_until), is_paused = false, changed_in = pg_current_xact_id()
"""
LISTENERS = "SELECT user_id FROM leases WHERE user_id % $1 = $2 AND NOT is_paused"
USERS = "SELECT user_id FROM users WHERE user_id % $1 = $2"


class Leases:
    """Records leases for the token endpoint. Users stay warm for `cold_after_s` after a token expired; None: always."""

    def __init__(self, database: Database, *, cold_after_s: float | None) -> None:
        self._database = database
        self._cold_after_s = cold_after_s

    async def renew(self, user_id: UserId, *, token_ttl_s: float) -> None:
        """Keep `user_id` warm until `cold_after_s` after a token issued now expires; committed on return.

        A lease with at least half of `cold_after_s` to spare is left as it is, so that not every token costs a write.
        """
        if self._cold_after_s is None:
            return
        needed_s = token_ttl_s + GRACE_S
        until = timedelta(seconds=needed_s + self._cold_after_s)
        at_least = timedelta(seconds=needed_s + self._cold_after_s / 2)
        await self._database.execute(RENEW, user_id, until, at_least)


@dataclass(frozen=True, slots=True)
class LeaseChanges:
    """The users of a lane who became warm or turned cold between two reads of the leases."""

    warmed: Sequence[UserId] = ()
    cooled: Sequence[UserId] = ()


class WarmUsers:
    """The users of a lane who are warm, as of its last read of the leases.

    `unnotified`: cold users who have not got their `feed_paused` yet, and when their leases ran out.
    """

    def __init__(self, *, lane: int, lanes: int) -> None:
        self._lane = lane
        self._lanes = lanes
        self._until: dict[UserId, datetime] = {}
        self._ends: list[tuple[datetime, UserId]] = []  # a heap; ends of leases renewed since are ignored
        self._snapshot: str | None = None
        self._now = datetime.min.replace(tzinfo=UTC)
        self.unnotified: dict[UserId, datetime] = {}

    def is_warm(self, user_id: UserId) -> bool:
        return user_id in self._until

    async def read_changes(self, connection: asyncpg.Connection) -> LeaseChanges:
        """The changes since the last read. Sees everything that was committed before this call."""
        if self._snapshot is None:
            rows = await connection.fetch(READ_OPEN_LEASES, self._lanes, self._lane)
        else:
            rows = await connection.fetch(READ_CHANGED_LEASES, self._lanes, self._lane, self._snapshot)
        self._now, self._snapshot = rows[0]["now"], rows[0]["snapshot"]
        warmed = [row["user_id"] for row in rows if row["user_id"] is not None and self._apply(row)]
        return LeaseChanges(warmed, self._expire())

    def _apply(self, row: asyncpg.Record) -> bool:
        """Apply a lease as read; return whether a cold user became warm."""
        user_id, until = row["user_id"], row["warm_until"]
        if row["is_paused"]:
            self.unnotified.pop(user_id, None)
            return False
        was_warm = user_id in self._until
        self._until[user_id] = until
        heappush(self._ends, (until, user_id))
        self.unnotified.pop(user_id, None)
        return not was_warm

    def _expire(self) -> list[UserId]:
        cooled = []
        while self._ends and self._ends[0][0] <= self._now:
            _, user_id = heappop(self._ends)
            if (until := self._until.get(user_id)) is not None and until <= self._now:
                del self._until[user_id]
                self.unnotified[user_id] = until
                cooled.append(user_id)
        return cooled

    async def mark_notified(self, user_ids: Collection[UserId], connection: asyncpg.Connection) -> None:
        """Record that these users got their `feed_paused`. Leases renewed meanwhile stay open."""
        if user_ids:
            await connection.execute(PAUSE, list(user_ids), self._now)
            for user_id in user_ids:
                self.unnotified.pop(user_id, None)

    async def warm_all(self, connection: asyncpg.Connection, *, token_ttl_s: float) -> list[UserId]:
        """Take every user of the lane for warm until tokens that were issued by now cannot be used; returns them."""
        until = timedelta(seconds=token_ttl_s + GRACE_S)
        await connection.execute(WARM_ALL, self._lanes, self._lane, until)
        return [row[0] for row in await connection.fetch(LISTENERS, self._lanes, self._lane)]


class AllWarm:
    """Replaces WarmUsers with COLD_AFTER=never: every user is warm, none ever turns cold."""

    unnotified: Mapping[UserId, datetime] = {}

    def __init__(self, *, lane: int, lanes: int) -> None:
        self._lane = lane
        self._lanes = lanes

    def is_warm(self, user_id: UserId) -> bool:
        return True

    async def read_changes(self, connection: asyncpg.Connection) -> LeaseChanges:
        return LeaseChanges()

    async def mark_notified(self, user_ids: Collection[UserId], connection: asyncpg.Connection) -> None:
        assert not user_ids

    async def warm_all(self, connection: asyncpg.Connection, *, token_ttl_s: float) -> list[UserId]:
        return [row[0] for row in await connection.fetch(USERS, self._lanes, self._lane)]


async def remove(connection: asyncpg.Connection, user_id: UserId) -> None:
    """Remove the lease of a user whose sessions and connections end."""
    await connection.execute("DELETE FROM leases WHERE user_id = $1", user_id)
