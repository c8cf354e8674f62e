"""Leases: who may be listening. Work follows them, not everybody who is a member.

Nobody listens to a personal channel without a subscription token. The lease is committed before the token is handed
out; a lane reads leases after the events that it applies them to. So an event that was not published to somebody was
in the log before their token was issued, and what they load with it contains the event.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

import asyncpg

from domain.values import UserId
from postgres.database import Database

GRACE_S = 60.0
"""Between the end of a token and the end of its lease: clocks differ, and a server closes late."""

RENEW = """
INSERT INTO leases AS lease (user_id, warm_until) VALUES ($1, now() + $2::interval)
ON CONFLICT (user_id) DO UPDATE
SET warm_until = greatest(lease.warm_until, excluded.warm_until), is_paused = false, changed_in = pg_current_xact_id()
WHERE lease.is_paused OR lease.warm_until < now() + $3::interval
"""

# The first look reads every lease that is open; what is read is complete up to `snapshot`.
FIRST_LOOK = """
SELECT head.now, head.snapshot::text AS snapshot, lease.user_id, lease.warm_until, lease.is_paused
FROM (SELECT now() AS now, pg_current_snapshot() AS snapshot) AS head
LEFT JOIN (SELECT * FROM leases WHERE user_id % $1 = $2 AND NOT is_paused) AS lease ON true
"""

# A later look reads what the last snapshot did not show, and no more: transactions that began after it, and those that
# it saw running. A transaction that stays open costs nothing. Numbers beyond today's come from another cluster, with a
# dump of its rows: the first look has read those leases, and they have not changed since.
NEXT_LOOK = """
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


class Leases:
    """What the token endpoint records. People stay warm for `cold_after_s` after a token ran out; None: for ever."""

    def __init__(self, database: Database, *, cold_after_s: float | None) -> None:
        self._database = database
        self._cold_after_s = cold_after_s

    async def renew(self, user_id: UserId, *, token_ttl_s: float) -> None:
        """Keep `user_id` warm for as long as a token issued now can be used, and a while beyond; committed on return.

        One that still has half of that while to go is left as it is: a token does not cost a write each time.
        """
        if self._cold_after_s is None:
            return
        needed_s = token_ttl_s + GRACE_S
        until = timedelta(seconds=needed_s + self._cold_after_s)
        at_least = timedelta(seconds=needed_s + self._cold_after_s / 2)
        await self._database.execute(RENEW, user_id, until, at_least)


@dataclass(frozen=True, slots=True)
class Turn:
    """Who of a lane's users became warm, and who ceased to be, between two looks."""

    warmed: Sequence[UserId] = ()
    cooled: Sequence[UserId] = ()


class Warmth:
    """Who of a lane's users is warm, as the lane last read it.

    `cooling`: who is cold and was not told so yet, and when their lease ran out.
    """

    def __init__(self, *, lane: int, lanes: int) -> None:
        self._lane = lane
        self._lanes = lanes
        self._until: dict[UserId, datetime] = {}
        self._ends: list[tuple[datetime, UserId]] = []  # a heap; entries of leases renewed since are passed over
        self._snapshot: str | None = None
        self._now = datetime.min.replace(tzinfo=UTC)
        self.cooling: dict[UserId, datetime] = {}

    def is_warm(self, user_id: UserId) -> bool:
        return user_id in self._until

    async def look(self, connection: asyncpg.Connection) -> Turn:
        """Read what changed since the last look: all that was committed before this call is seen."""
        if self._snapshot is None:
            rows = await connection.fetch(FIRST_LOOK, self._lanes, self._lane)
        else:
            rows = await connection.fetch(NEXT_LOOK, self._lanes, self._lane, self._snapshot)
        self._now, self._snapshot = rows[0]["now"], rows[0]["snapshot"]
        warmed = [row["user_id"] for row in rows if row["user_id"] is not None and self._note(row)]
        return Turn(warmed, self._cool())

    def _note(self, row: asyncpg.Record) -> bool:
        """Take a lease as it is now; answers whether it makes somebody warm who was not."""
        user_id, until = row["user_id"], row["warm_until"]
        if row["is_paused"]:
            self.cooling.pop(user_id, None)
            return False
        was_warm = user_id in self._until
        self._until[user_id] = until
        heappush(self._ends, (until, user_id))
        self.cooling.pop(user_id, None)
        return not was_warm

    def _cool(self) -> list[UserId]:
        cooled = []
        while self._ends and self._ends[0][0] <= self._now:
            _, user_id = heappop(self._ends)
            if (until := self._until.get(user_id)) is not None and until <= self._now:
                del self._until[user_id]
                self.cooling[user_id] = until
                cooled.append(user_id)
        return cooled

    async def told(self, user_ids: Collection[UserId], connection: asyncpg.Connection) -> None:
        """These were told that publications to them have ceased; who got a new lease meanwhile is warm again anyway."""
        if user_ids:
            await connection.execute(PAUSE, list(user_ids), self._now)
            for user_id in user_ids:
                self.cooling.pop(user_id, None)


class AllWarm:
    """With COLD_AFTER=never everybody may be listening, and nobody is ever told otherwise."""

    cooling: Mapping[UserId, datetime] = {}

    def is_warm(self, user_id: UserId) -> bool:
        return True

    async def look(self, connection: asyncpg.Connection) -> Turn:
        return Turn()

    async def told(self, user_ids: Collection[UserId], connection: asyncpg.Connection) -> None:
        assert not user_ids
