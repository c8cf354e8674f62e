"""(e) Replay: a rebuild and a verification of a long log, against a fold of the same rows through the stock library.

The stock runner folds event by event, each in a transaction with its tracking record, which is what the library offers;
its commits do not wait for the disk, as ours do not before the fresh tables go live.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import psutil
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.utils import get_topic
from psycopg.sql import SQL

from benchmarks.append import StockRooms, stock_environment
from benchmarks.history import copy_history
from benchmarks.server import postgres
from benchmarks.tables import ms, table
from domain.room import TOPICS, Room, name_key
from replay.fold import Progress
from replay.rebuild import rebuild
from replay.verify import verify

EVENTS = int(os.environ.get("REPLAY_EVENTS", "1000000"))
STOCK_EVENTS = 10_000
STOCK_TIMEOUT_S = 600

STOCK_TABLES = """
CREATE TABLE stock_rooms (LIKE rooms INCLUDING ALL);
CREATE TABLE stock_memberships (LIKE memberships INCLUDING ALL);
CREATE TABLE stock_messages (LIKE messages INCLUDING ALL);
"""
OPEN = """
INSERT INTO stock_rooms (room_id, name, name_key, opened_at, version, position, bumped_at, member_count, message_count)
VALUES (%(id)s, %(name)s, %(key)s, %(at)s, %(version)s, %(position)s, %(at)s, 0, 0)
"""
TOUCH = """
UPDATE stock_rooms SET version = %(version)s, position = %(position)s, member_count = member_count + %(members)s,
    message_count = message_count + %(messages)s,
    bumped_at = CASE WHEN %(messages)s = 1 THEN %(at)s ELSE bumped_at END,
    last_message_version = CASE WHEN %(messages)s = 1 THEN %(version)s ELSE last_message_version END
WHERE room_id = %(id)s RETURNING member_count
"""
SAY = "INSERT INTO stock_messages VALUES (%(id)s, %(version)s, %(user)s, %(content)s, %(at)s)"
JOIN = "INSERT INTO stock_memberships VALUES (%(id)s, %(user)s, %(version)s, %(position)s, %(count)s)"
LEAVE = """
UPDATE stock_memberships SET left_version = %(version)s, left_position = %(position)s, members_after_leave = %(count)s
WHERE room_id = %(id)s AND user_id = %(user)s AND left_version IS NULL
"""


class StockView(PostgresTrackingRecorder):
    """The same rows as ours, written as the library's own examples write a view."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sql_create_statements.append(SQL(STOCK_TABLES).format())

    def fold(self, event: DomainEventProtocol[Any], tracking: Tracking) -> None:
        """One event and its tracking record, in one transaction."""
        values: dict[str, Any] = {
            "id": event.originator_id,
            "version": event.originator_version,
            "position": tracking.notification_id,
            "at": vars(event)["timestamp"],
        }
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            match event:
                case Room.RoomOpened():
                    cursor.execute(OPEN, values | {"name": event.name, "key": name_key(event.name)})
                case Room.MessageAdded():
                    cursor.execute(TOUCH, values | {"members": 0, "messages": 1})
                    cursor.execute(SAY, values | {"user": event.user_id, "content": event.content})
                case Room.UserJoined() | Room.UserLeft():
                    joined = isinstance(event, Room.UserJoined)
                    cursor.execute(TOUCH, values | {"members": 1 if joined else -1, "messages": 0})
                    row = cursor.fetchone()
                    assert row is not None
                    values |= {"user": event.user_id, "count": row["member_count"]}
                    cursor.execute(JOIN if joined else LEAVE, values)


class StockProjection(Projection[StockView]):
    name = "stock"
    topics = TOPICS

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        assert get_topic(type(domain_event)) in TOPICS
        self.view.fold(domain_event, tracking)


def stock_fold(dsn: str) -> float:
    """Seconds for the first events of the log."""
    started = time.perf_counter()
    with ProjectionRunner(
        application_class=StockRooms,
        projection_class=StockProjection,
        view_class=StockView,
        env=stock_environment(dsn),
    ) as runner:
        runner.wait(STOCK_EVENTS, timeout=STOCK_TIMEOUT_S)
        return time.perf_counter() - started


async def measured(work: Callable[[str, Callable[[Progress], None]], Awaitable[Any]], dsn: str) -> tuple[Any, str, str]:
    """What it answers, events a second, and how memory grew between the first tenth and the end."""
    process, memory = psutil.Process(), list[int]()

    def watch(progress: Progress) -> None:
        if progress.events >= EVENTS // 10:
            memory.append(process.memory_info().rss)

    started = time.perf_counter()
    done = await work(dsn, watch)
    seconds = time.perf_counter() - started
    return done, f"{EVENTS / seconds:,.0f}", f"{(max(memory) - memory[0]) / 1e6:.1f} MB"


async def run() -> None:
    async with postgres() as dsn:
        await copy_history(dsn, EVENTS)
        admin = await asyncpg.connect(dsn)
        await admin.execute("ALTER DATABASE onrecord SET synchronous_commit = off")
        stock_s = await asyncio.to_thread(stock_fold, dsn)
        await admin.execute("ALTER DATABASE onrecord RESET synchronous_commit")
        await admin.close()
        rebuilt, rebuild_rate, rebuild_memory = await measured(rebuild, dsn)
        verified, verify_rate, verify_memory = await measured(verify, dsn)
    assert not verified.differences
    rows = [
        ("rebuild", f"{EVENTS:,}", rebuild_rate, rebuild_memory, ms(rebuilt.pause_s)),
        ("verify", f"{EVENTS:,}", verify_rate, verify_memory, "nobody"),
        ("stock `ProjectionRunner`", f"{STOCK_EVENTS:,}", f"{STOCK_EVENTS / stock_s:,.0f}", "", ""),
    ]
    columns = ("fold of the same log", "events", "events/s", "memory grew by", "waited")
    table(f"Replay ({os.cpu_count()} cores)", columns, rows)
