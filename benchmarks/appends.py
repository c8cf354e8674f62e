"""Appends: our writer against the `eventsourcing` library's own recorder, on one database in one run."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from benchmarks.cpu import spent_s
from benchmarks.service import Postgres, create_schema, postgres
from benchmarks.table import Table, ms
from domain.values import PostMessage, UserId
from tests.store import open_store

CONCURRENT = (1, 16, 128)
SECONDS = 4.0
CONTENT = "The Engine weaves algebraical patterns just as the loom weaves flowers."
STATE = (
    b'{"timestamp":{"_type_":"datetime_iso","_data_":"2026-01-01T12:00:00.000000+00:00"},'
    b'"user_id":1,"content":"%s","client_id":null}' % CONTENT.encode()
)
ADA = UserId(1)


@dataclass
class Result:
    """Events appended, and what they took: time on the clock, and processor time of client and database."""

    events: int
    took_s: float
    client_cpu_s: float
    postgres_cpu_s: float

    @property
    def per_second(self) -> float:
        return self.events / self.took_s


async def run() -> list[Table]:
    rows = []
    with postgres(max_connections="200") as database:  # the stock recorder uses one for each thread
        await create_schema(database)
        for concurrent in CONCURRENT:
            stock = await asyncio.to_thread(stock_recorder, database, concurrent)
            ours = await our_writer(database, concurrent)
            rows.append(_row(f"stock recorder, {concurrent} threads", stock, stock))
            rows.append(_row(f"our writer, {concurrent} commands", ours, stock))
    columns = ("at a time", "events/s", "times stock", "client CPU an event", "PostgreSQL CPU an event")
    return [Table("Appends: whole commands, read models included, against bare inserts", columns, rows)]


def _row(name: str, result: Result, stock: Result) -> tuple[str, ...]:
    return (
        name,
        f"{result.per_second:,.0f}",
        f"{result.per_second / stock.per_second:.1f}",
        ms(result.client_cpu_s / result.events),
        ms(result.postgres_cpu_s / result.events),
    )


@contextmanager
def _counted(database: Postgres) -> Iterator[Result]:
    result = Result(0, 0, 0, 0)
    started, client, server = time.perf_counter(), time.process_time(), spent_s(database.pid)
    yield result
    result.took_s = time.perf_counter() - started
    result.client_cpu_s = time.process_time() - client
    result.postgres_cpu_s = spent_s(database.pid) - server


async def our_writer(database: Postgres, concurrent: int) -> Result:
    """Commands into as many rooms, each decided, recorded and folded into the read models."""
    async with open_store(database.dsn, capacity=1000) as store:
        rooms = [await store.open_room(f"Room {concurrent} {number}", by=ADA) for number in range(concurrent)]

        with _counted(database) as result:
            until = time.perf_counter() + SECONDS

            async def post_all(command: PostMessage) -> None:
                while time.perf_counter() < until:
                    await store.chat.post_message(command)
                    result.events += 1

            await asyncio.gather(*(post_all(PostMessage(room_id, ADA, CONTENT)) for room_id in rooms))
    return result


def stock_recorder(database: Postgres, concurrent: int) -> Result:
    """Threads that insert prepared events into as many streams; nothing is decided, encoded or folded."""
    url = urlsplit(database.dsn)
    datastore = PostgresDatastore(
        url.path.lstrip("/"),
        parse_qs(url.query)["host"][0],
        5432,
        url.username or "",
        "",
        pool_size=concurrent,
        connect_timeout=60,
    )
    recorder = PostgresApplicationRecorder(datastore, events_table_name="stock_events")
    recorder.create_table()
    counts = [0] * concurrent
    with _counted(database) as result:
        until = time.perf_counter() + SECONDS

        def insert_all(number: int) -> None:
            stream_id = uuid4()
            while time.perf_counter() < until:
                counts[number] += 1
                recorder.insert_events([StoredEvent(stream_id, counts[number], "message_added", STATE)])

        threads = [threading.Thread(target=insert_all, args=(number,)) for number in range(concurrent)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        result.events = sum(counts)
    datastore.close()
    return result
