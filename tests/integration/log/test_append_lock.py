"""The append lock excludes every other writer, and nothing else: PostgreSQL may vacuum and index the log meanwhile."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from domain.room.messages import PostMessage
from domain.values import RoomId
from tests.integration.log.test_log_compatibility import open_and_fill
from tests.support.conditions import eventually
from tests.support.given_when_then import ADA
from tests.support.stock_application import StockRooms, stock_environment
from tests.support.store import Store, append_lock_held

COPY_AN_EVENT = """
INSERT INTO stored_events (originator_id, originator_version, topic, state)
SELECT originator_id, (SELECT max(originator_version) + 1 FROM stored_events WHERE originator_id = $1), topic, state
FROM stored_events WHERE originator_id = $1 AND topic = 'message_added' LIMIT 1
"""
MAINTENANCE = (
    "VACUUM (FREEZE) stored_events",
    "ANALYZE stored_events",
    "CREATE INDEX CONCURRENTLY maintenance_idx ON stored_events (topic)",
    "DROP INDEX CONCURRENTLY maintenance_idx",
)
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


async def say(store: Store, room_id: RoomId, content: str = "hello") -> None:
    await store.chat.post_message(PostMessage(room_id, ADA, content))


async def test_posts_continue_while_maintenance_holds_its_lock_on_the_log(
    store: Store, connection: asyncpg.Connection
) -> None:
    room_id = await store.open_room()
    async with connection.transaction():
        await connection.execute("LOCK TABLE stored_events IN SHARE UPDATE EXCLUSIVE MODE")  # as VACUUM and ANALYZE do
        await say(store, room_id)


async def test_maintenance_of_the_log_completes_while_posts_continue(
    store: Store, connection: asyncpg.Connection
) -> None:
    room_id = await store.open_room()
    is_done = asyncio.Event()

    async def keep_posting() -> int:
        posts = 0
        while not is_done.is_set():
            await say(store, room_id)
            posts += 1
        return posts

    posting = asyncio.gather(*(keep_posting() for _ in range(4)))
    for statement in MAINTENANCE:
        await connection.execute(statement)
    is_done.set()
    posts = sum(await posting)
    assert await store.versions(room_id) == list(range(1, posts + 3))


async def test_a_writer_that_does_not_know_of_the_lock_waits_for_it(
    store: Store, connection: asyncpg.Connection, database_url: str
) -> None:
    room_id = await store.open_room()
    await say(store, room_id)
    async with append_lock_held(database_url):
        inserting = asyncio.create_task(connection.execute(COPY_AN_EVENT, room_id))

        async def is_waiting() -> bool:
            return bool(await store.database.fetchval(WAITING) == 1)

        await eventually(is_waiting)
        assert not inserting.done()
    await inserting
    assert await store.versions(room_id) == [1, 2, 3, 4]


async def test_writers_of_every_kind_share_the_log_without_a_deadlock(
    store: Store, connection: asyncpg.Connection, database_url: str
) -> None:
    ours, theirs = await store.open_room("Ours"), await store.open_room("Plain")
    await say(store, theirs)
    stock = StockRooms(env=stock_environment(database_url))

    async def insert() -> None:
        for _ in range(100):
            await connection.execute(COPY_AN_EVENT, theirs)

    async def post() -> None:
        for number in range(100):
            await say(store, ours, f"{number}")

    await asyncio.gather(insert(), post(), post(), asyncio.to_thread(open_and_fill, stock, 100))
    stock.close()
    assert await store.versions(ours) == list(range(1, 203))
    assert await store.versions(theirs) == list(range(1, 104))
    await connection.execute("SELECT pg_stat_force_next_flush()")
    assert await connection.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0
