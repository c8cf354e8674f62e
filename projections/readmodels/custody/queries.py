"""The record of custody as operators and admins see it."""

from datetime import datetime
from typing import Any

import asyncpg
from msgspec import Struct

from domain.custody import CUSTODY_ID, Target, case_and_reason
from domain.values import RequestId, RoomId, UserId
from eventstore.words import TABLE as BODIES
from eventstore.words import join


def _reason(version: str, alias: str) -> str:
    """SQL: joins the words of an event of the record."""
    return join(f"'{CUSTODY_ID}'", version, alias)


HOLDS = f"""
SELECT
    hold, coalesce(placed.content, '') AS case_and_reason, person_id, room_id, since, until, conversations,
    placed_by, placed_at, ended_by, ended_at, coalesce(ended.content, '') AS ended_why
FROM holds {_reason("hold", "placed")} {_reason("ended_version", "ended")}
WHERE ended_version IS NULL OR $1 ORDER BY hold
"""
RULES = f"""
SELECT rule, room_id, keep_days, erase_days, set_by, set_at, coalesce(given.content, '') AS why, ended_by, ended_at
FROM retention_rules {_reason("rule", "given")}
WHERE ended_version IS NULL OR $1 ORDER BY room_id IS NOT NULL, rule
"""
REQUESTS = f"""
SELECT
    request, coalesce(asked.content, '') AS why, person_id, room_id, versions, before, requested_by, requested_at,
    erased, coalesce(held, 0) AS held, coalesce(holds, '{{}}') AS holds, coalesce(rules, '{{}}') AS rules, until,
    carried_out_at, coalesce(held = 0, false) AS is_done
FROM erasure_requests {_reason("requested_version", "asked")}
WHERE held IS DISTINCT FROM 0 OR $1 ORDER BY requested_version DESC LIMIT $2
"""

# Requests to go on with: never carried out, as after a crash; or something that kept a part of it has ended. That may
# have been before it was carried out, while it was under way.
DUE = (
    REQUESTS.partition("WHERE")[0]
    + """
WHERE held IS DISTINCT FROM 0 AND (
    held IS NULL AND requested_at < now() - make_interval(secs => $1)
    OR until <= now()
    OR EXISTS (SELECT FROM holds WHERE hold = ANY(erasure_requests.holds) AND ended_version IS NOT NULL)
    OR EXISTS (SELECT FROM retention_rules WHERE rule = ANY(erasure_requests.rules) AND ended_version IS NOT NULL)
    OR rules <> '{}' AND EXISTS (
        SELECT FROM retention_rules WHERE greatest(rule, ended_version) > carried_out_version))
ORDER BY requested_version LIMIT $2
"""
)


NEWEST_END = "SELECT coalesce(max(ended_version), 0) FROM holds"

# What another application recorded as erased while a hold covered it: the hold was stronger then.
SWEEP = f"""
SELECT erase_unheld(array_agg(gone.room_id), array_agg(gone.version))
FROM erasures AS gone JOIN {BODIES} AS still ON still.stream = gone.room_id AND still.version = gone.version
HAVING count(*) > 0
"""


class Hold(Struct, frozen=True):
    """A hold, what it covers, and the case that it is for."""

    hold: int
    case: str
    why: str
    person_id: UserId | None
    room_id: RoomId | None
    since: datetime | None
    until: datetime | None
    conversations: bool
    placed_by: UserId
    placed_at: datetime
    ended_by: UserId | None
    ended_at: datetime | None
    ended_why: str


class Rule(Struct, frozen=True):
    """A rule of retention: of one room, or of all rooms where `room_id` is None.

    `keep_days` None: it says nothing of it; 0: no duty. `erase_days` None: it says nothing of it; 0: never by itself.
    """

    rule: int
    room_id: RoomId | None
    keep_days: int | None
    erase_days: int | None
    set_by: UserId
    set_at: datetime
    why: str
    ended_by: UserId | None
    ended_at: datetime | None


class Request(Struct, frozen=True):
    """A request to erase: what it asked for, what came of it so far, and what holds and rules still keep."""

    request: RequestId
    why: str
    person_id: UserId | None
    room_id: RoomId | None
    versions: list[int] | None
    before: datetime | None
    requested_by: UserId
    requested_at: datetime
    erased: int
    held: int
    holds: list[int]
    rules: list[int]
    until: datetime | None
    carried_out_at: datetime | None
    is_done: bool

    @property
    def target(self) -> Target:
        """What it would erase."""
        versions = tuple(self.versions) if self.versions is not None else None
        return Target(self.person_id, self.room_id, versions, self.before)


async def read_holds(connection: asyncpg.Connection, *, with_ended: bool) -> list[Hold]:
    """The holds in force, oldest first; `with_ended`: and all others."""
    return [_hold(*row) for row in await connection.fetch(HOLDS, with_ended)]


def _hold(hold: int, words: str, *rest: Any) -> Hold:
    return Hold(hold, *case_and_reason(words), *rest)


async def read_rules(connection: asyncpg.Connection, *, with_ended: bool = False) -> list[Rule]:
    """The rules in force, that of all rooms first; `with_ended`: and all others."""
    return [Rule(*row) for row in await connection.fetch(RULES, with_ended)]


async def read_requests(connection: asyncpg.Connection, *, with_done: bool, limit: int) -> list[Request]:
    """Requests of which something waits, newest first; `with_done`: and all others."""
    return [Request(*row) for row in await connection.fetch(REQUESTS, with_done, limit)]


async def read_due_requests(connection: asyncpg.Connection, *, after_s: float, limit: int) -> list[Request]:
    """Requests to go on with, oldest first. One that has just been made is carried out by whoever made it: it counts
    after `after_s` seconds only.
    """
    return [Request(*row) for row in await connection.fetch(DUE, after_s, limit)]


async def erase_what_was_spared(connection: asyncpg.Connection, *, since: int) -> int:
    """Erase what is on record as erased and was spared for a hold, if the newest end of one is no longer `since`.

    Returns the newest end, a version of the record of custody.
    """
    newest: int = await connection.fetchval(NEWEST_END)
    if newest != since:  # after a restore, it is an earlier one
        await connection.execute(SWEEP)
    return newest
