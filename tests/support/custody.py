"""Holds, rules and requests, for tests: short ways to place, set and erase."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import asyncpg
import eventsourcing.domain

from api.core import Core
from api.wiring import create_carrying_out
from domain.custody import Scope
from domain.use_cases.erasure import Plan
from domain.use_cases.record import EndHold, EndRetention, PlaceHold, SetRetention
from domain.values import OPERATOR, RoomId

CASE, WHY = "Ada v Bob", "a letter of 3 May"


async def place(core: Core, **scope: Any) -> int:
    """Place a hold; returns its number."""
    placed = await core.record.place_hold(PlaceHold(OPERATOR, Scope(**scope), CASE, WHY))
    return int(placed.event.originator_version)


async def end(core: Core, hold: int) -> None:
    """End a hold."""
    await core.record.end_hold(EndHold(OPERATOR, hold, "settled"))


async def set_rule(
    core: Core, room_id: RoomId | None = None, *, keep: int | None = None, erase: int | None = None
) -> int:
    """Set a rule; returns its number."""
    recorded = await core.record.set_retention(SetRetention(OPERATOR, room_id, keep, erase, WHY))
    return int(recorded.event.originator_version)


async def end_rule(core: Core, room_id: RoomId | None = None) -> None:
    """End a rule."""
    await core.record.end_retention(EndRetention(OPERATOR, room_id, WHY))


async def erase(core: Core, plan: Plan) -> Plan:
    """Carry out a plan as an operator does."""
    await core.erasing.carry_out(plan, erased_by=OPERATOR, why=WHY)
    return plan


async def carry_out(core: Core) -> None:
    """What the service does from time to time."""
    await create_carrying_out(core).carry_out()


async def remaining(room_id: RoomId, connection: asyncpg.Connection) -> list[int]:
    """The versions of a room that have words, its name left out."""
    rows = await connection.fetch(
        "SELECT bodies.version FROM bodies JOIN messages ON room_id = stream AND messages.version = bodies.version"
        " WHERE stream = $1 ORDER BY 1",
        room_id,
    )
    return [row[0] for row in rows]


@contextlib.contextmanager
def days_ago(days: float) -> Iterator[None]:
    """In the block, events happen so many days ago."""
    then = datetime.now(UTC) - timedelta(days=days)
    with mock.patch.object(eventsourcing.domain, "datetime_now_with_tzinfo", return_value=then):
        yield
