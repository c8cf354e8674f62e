"""(e) Replay: a rebuild and a verification of a long log, against a fold of the same rows through the stock library.

The stock runner folds event by event, each in a transaction with its tracking record, which is what the library offers;
its commits do not wait for the disk, as ours do not before the fresh tables go live.

Then what a rebuild costs users who post and read over HTTP without a break.
"""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import psutil
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.utils import get_topic
from psycopg.sql import SQL

from api.wiring import create_fold
from benchmarks.history import copy_history
from benchmarks.load import Connection, Visitor
from benchmarks.posting import BEGIN_AFTER_THEM, CONTENT
from benchmarks.server import Served, postgres, service
from benchmarks.tables import ms, p50_p99, table
from domain.room import TOPICS, Room
from replay.progress import Progress
from replay.rebuild.rebuild import rebuild
from replay.rebuild.verify import verify
from tests.support.stock_application import StockRooms, stock_environment

EVENTS = int(os.environ.get("REPLAY_EVENTS", "1000000"))
PEOPLE_EVENTS = EVENTS // 10
BEFORE_S, AROUND_S = 5.0, 1.0
"""How long requests are measured before a rebuild, and how long before its end the swap is sure to happen."""

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
    """The same rows as ours, written as the library's own examples write a view: without the words, too."""

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
                    cursor.execute(OPEN, values | {"name": None, "key": None})
                case Room.MessageAdded():
                    cursor.execute(TOUCH, values | {"members": 0, "messages": 1})
                    cursor.execute(SAY, values | {"user": event.user_id, "content": None})
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
    """Its result, events a second, and the growth of memory between the first tenth and the end."""
    process, memory = psutil.Process(), list[int]()

    def watch(progress: Progress) -> None:
        if progress.events >= EVENTS // 10:
            memory.append(process.memory_info().rss)

    started = time.perf_counter()
    done = await work(dsn, watch)
    seconds = time.perf_counter() - started
    return done, f"{EVENTS / seconds:,.0f}", f"{(max(memory) - memory[0]) / 1e6:.1f} MB"


@dataclass
class People:
    """Two who post and two who read, over HTTP, without a break: when each answer came, and after how long."""

    who: Visitor
    room: str
    posts: list[tuple[float, float]] = field(default_factory=list)
    reads: list[tuple[float, float]] = field(default_factory=list)

    async def post(self, connection: Connection) -> None:
        while True:
            request = self.who.post(f"{self.room}messages/", CONTENT, key=str(uuid4()))
            await self._send(connection, request, 201, self.posts)

    async def read(self, connection: Connection) -> None:
        while True:
            await self._send(connection, self.who.get(f"{self.room}messages/?limit=20"), 200, self.reads)

    async def _send(
        self, connection: Connection, request: bytes, status: int, waits: list[tuple[float, float]]
    ) -> None:
        started = time.perf_counter()
        got, body = await connection.send(request)
        assert got == status, body
        waits.append((time.perf_counter(), time.perf_counter() - started))

    def row(self, name: str, since: float, until: float) -> tuple[str, ...]:
        """The times of answers that came in between."""
        posts, reads = ([waited for at, waited in of if since <= at < until] for of in (self.posts, self.reads))
        return (name, *p50_p99(posts), ms(max(posts)), *p50_p99(reads), ms(max(reads)))


async def people_meanwhile(dsn: str, served: Served) -> None:
    """Response times before a rebuild, during it, and around the swap."""
    ada = await Visitor.sign_up(served.url, "ada")
    connections = [await Connection.open(served.url) for _ in range(4)]
    _, opened = await connections[0].send(ada.post("/api/rooms/", {"name": "Meanwhile"}))
    people = People(ada, f"/api/rooms/{msgspec.json.decode(opened)['id']}/")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(people.post(connection)) for connection in connections[:2]]
        tasks += [group.create_task(people.read(connection)) for connection in connections[2:]]
        started = time.perf_counter()
        await asyncio.sleep(BEFORE_S)
        begun = time.perf_counter()
        said = await rebuilt_by_command(dsn)
        ended = time.perf_counter()
        for task in tasks:
            task.cancel()
    rows = [
        people.row("before", started, begun),
        people.row("while it folds", begun, ended - AROUND_S),
        people.row("the last second, with the swap", ended - AROUND_S, ended),
    ]
    kinds = (f"{kind} {which}" for kind in ("post", "read") for which in ("p50", "p99", "longest"))
    table(f"Requests during a rebuild of {PEOPLE_EVENTS:,} events", ("", *kinds), rows)
    print(f"\n{said}")


async def rebuilt_by_command(dsn: str) -> str:
    """Rebuild as an operator does; returns what the command prints."""
    process = await asyncio.create_subprocess_exec(
        *(Path(sys.executable).with_name("onrecord"), "projections", "rebuild"),
        env={"DATABASE_URL": dsn},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode().strip()


async def run() -> None:
    await folds()
    async with postgres() as dsn:
        await copy_history(dsn, PEOPLE_EVENTS)
        admin = await asyncpg.connect(dsn)
        await admin.execute(BEGIN_AFTER_THEM)
        await admin.close()
        async with service(dsn) as served:
            await people_meanwhile(dsn, served)


async def folds() -> None:
    """Rebuild, verification and the stock runner, on one log."""
    async with postgres() as dsn:
        await copy_history(dsn, EVENTS)
        admin = await asyncpg.connect(dsn)
        await admin.execute("ALTER DATABASE onrecord SET synchronous_commit = off")
        stock_s = await asyncio.to_thread(stock_fold, dsn)
        await admin.execute("ALTER DATABASE onrecord RESET synchronous_commit")
        await admin.close()
        rebuilt, rebuild_rate, rebuild_memory = await measured(partial(rebuild, create_fold()), dsn)
        verified, verify_rate, verify_memory = await measured(partial(verify, create_fold()), dsn)
    assert not verified.differences
    rows = [
        ("rebuild", f"{EVENTS:,}", rebuild_rate, rebuild_memory, ms(rebuilt.pause_s)),
        ("verify", f"{EVENTS:,}", verify_rate, verify_memory, "nobody"),
        ("stock `ProjectionRunner`", f"{STOCK_EVENTS:,}", f"{STOCK_EVENTS / stock_s:,.0f}", "", ""),
    ]
    columns = ("fold of the same log", "events", "events/s", "memory grew by", "waited")
    table(f"Replay ({os.cpu_count()} cores)", columns, rows)
