"""What is asked of the log at every append, and by the feed, reads a few rows of it, however long it is and whenever it
was planned.
"""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.values import RoomId, UserId
from eventstore.generation import Anchor, NotInLog, check_places
from eventstore.values import Position
from projections.readmodels.feed import AMONG_NEXT, BY_ROOM
from tests.support.given_when_then import ADA
from tests.support.store import open_store

LOCK_AND_LOOK = "SELECT has_known_keys FROM lock_and_look_v2('none', $1, $2, $3, $4)"
KEYS = """
INSERT INTO idempotency_keys (owner, key, fingerprint, originator_id, originator_version)
SELECT 7, 'key ' || number, '', gen_random_uuid(), 1 FROM generate_series(1, 3000) AS number
"""
READ_ONE_BY_ONE = "SELECT sum(seq_tup_read)::bigint FROM pg_stat_xact_user_tables WHERE relname = $1"
"""Rows that this transaction read without an index."""
READ_WHOLE = "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE seq_tup_read > $1"
ROOMS = 1500
READ = "SELECT sum(coalesce(seq_tup_read, 0) + idx_tup_fetch)::bigint FROM pg_stat_xact_user_tables WHERE relname = $1"
"""Rows that it read."""


@pytest.fixture
async def long_log(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the writer has it, to a log of some thousand events."""
    async with open_store(database_url) as store:
        room = RoomId(await store.open_room(by=ADA))
        for first in range(1000, 4000, 1000):
            await store.chat.join_all(room, list(map(UserId, range(first, first + 1000))))
    connection = await asyncpg.connect(database_url, server_settings={"plan_cache_mode": "force_generic_plan"})
    yield connection
    await connection.close()


async def test_a_place_before_the_head_is_compared_without_reading_the_log(long_log: asyncpg.Connection) -> None:
    head = await long_log.fetchval("SELECT max(notification_id) FROM stored_events")
    hash_ = await long_log.fetchval("SELECT log_hash($1)", head - 1)
    async with long_log.transaction():
        assert await long_log.fetchval("SELECT contains FROM look_at_log($1, $2)", head - 1, hash_)
        assert not await long_log.fetchval("SELECT contains FROM look_at_log($1, $2)", head + 1, hash_)
        assert await long_log.fetchval(READ_ONE_BY_ONE, "stored_events") == 0


async def test_the_places_of_clients_are_checked_without_reading_the_log(long_log: asyncpg.Connection) -> None:
    head = await long_log.fetchval("SELECT max(notification_id) FROM stored_events")
    hash_ = await long_log.fetchval("SELECT log_hash($1)", head - 1)
    async with long_log.transaction():
        await check_places([Anchor(1, Position(head - 1), hash_)], long_log)
        with pytest.raises(NotInLog):
            await check_places([Anchor(1, Position(head + 1), hash_)], long_log)
        assert await long_log.fetchval(READ_ONE_BY_ONE, "stored_events") == 0


async def test_keys_are_looked_up_one_by_one_also_by_a_plan_from_when_there_were_none(
    long_log: asyncpg.Connection,
) -> None:
    assert not await long_log.fetchval(LOCK_AND_LOOK, [], [], [7], ["key 3000"])
    await long_log.execute(KEYS)
    async with long_log.transaction():
        assert await long_log.fetchval(LOCK_AND_LOOK, [], [], [7, 7], ["another key", "key 3000"])
        assert not await long_log.fetchval(LOCK_AND_LOOK, [], [], [8, 7], ["key 3000", "key"])
        assert await long_log.fetchval(READ_ONE_BY_ONE, "idempotency_keys") == 0


async def test_appends_read_no_table_whole_that_was_empty_when_their_plans_were_made(database_url: str) -> None:
    """One writer, whose session keeps its plans from an empty database on."""
    async with open_store(database_url, timeout_s=60) as store:
        chat = store.chat

        async def come_and_go(room: RoomId, user: UserId) -> None:
            await chat.join_room(JoinRoom(room, user))
            await chat.post_message(PostMessage(room, user, "Here I am."))
            await chat.leave_room(LeaveRoom(room, user))
            await chat.join_room(JoinRoom(room, user))
            await chat.post_message(PostMessage(room, user, "Here I am again."))

        first = await store.open_room("The first")
        for number in range(100, 110):
            await come_and_go(first, UserId(number))
        rooms = await asyncio.gather(*(store.open_room(f"Room {number}") for number in range(ROOMS)))
        await asyncio.gather(*(chat.post_message(PostMessage(room, ADA, "Good morning.")) for room in rooms))
        for number in range(200, 240):
            await come_and_go(rooms[number], UserId(number))
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("SELECT count(*) FROM authors") > ROOMS
    assert {row["relname"]: row["seq_tup_read"] for row in await connection.fetch(READ_WHOLE, 10 * ROOMS)} == {}
    await connection.close()


@pytest.mark.parametrize(("beyond", "limit"), [(0, 200), (3, 200), (1500, 200), (2900, 1)])
async def test_a_feed_reads_little_more_of_the_log_than_it_tells(
    long_log: asyncpg.Connection, beyond: int, limit: int
) -> None:
    head = await long_log.fetchval("SELECT max(notification_id) FROM stored_events")
    for statement, more in ((AMONG_NEXT, [100]), (BY_ROOM, [])):
        async with long_log.transaction():
            rows = await long_log.fetch(statement, ADA, head - beyond, limit, *more)
            found = [row["notification_id"] for row in rows if row["notification_id"] is not None]
            told = min(beyond, limit, *more)
            assert found == list(range(head - beyond + 1, head - beyond + 1 + told))
            assert await long_log.fetchval(READ_ONE_BY_ONE, "stored_events") == 0
            assert await long_log.fetchval(READ, "stored_events") <= 4 * told + 150
