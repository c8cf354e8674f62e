"""The record of custody as operators and admins see it."""

from datetime import datetime

import asyncpg
from msgspec import Struct

from domain.custody import CUSTODY_ID, case_and_reason
from domain.values import RoomId, UserId
from eventstore.words import join


def _reason(version: str, alias: str) -> str:
    """SQL: joins the words of an event of the record."""
    return join(f"'{CUSTODY_ID}'", version, alias)


HOLDS = f"""
SELECT
    hold, person_id, room_id, since, until, conversations, placed_by, placed_at, ended_by, ended_at,
    coalesce(placed.content, '') AS case_and_reason, coalesce(ended.content, '') AS ended_reason
FROM holds {_reason("hold", "placed")} {_reason("ended_version", "ended")}
WHERE ended_version IS NULL OR $1 ORDER BY hold
"""


class Hold(Struct, frozen=True):
    """A hold, what it covers, and the case that it is for."""

    hold: int
    case: str
    person_id: UserId | None
    room_id: RoomId | None
    since: datetime | None
    until: datetime | None
    conversations: bool
    placed_by: UserId
    placed_at: datetime
    why: str
    ended_by: UserId | None = None
    ended_at: datetime | None = None
    ended_why: str = ""


async def read_holds(connection: asyncpg.Connection, *, with_ended: bool) -> list[Hold]:
    """The holds in force, oldest first; `with_ended`: and all others."""
    return [_hold(row) for row in await connection.fetch(HOLDS, with_ended)]


def _hold(row: asyncpg.Record) -> Hold:
    case, why = case_and_reason(row["case_and_reason"])
    return Hold(
        hold=row["hold"],
        case=case,
        person_id=row["person_id"],
        room_id=row["room_id"],
        since=row["since"],
        until=row["until"],
        conversations=row["conversations"],
        placed_by=row["placed_by"],
        placed_at=row["placed_at"],
        why=why,
        ended_by=row["ended_by"],
        ended_at=row["ended_at"],
        ended_why=row["ended_reason"],
    )
