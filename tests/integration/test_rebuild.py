"""Rebuilding the read models beside live traffic."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from domain.values import JoinRoom, LeaveRoom, PostMessage
from replay import pages
from replay.errors import AlreadyRunning, SwapBlocked
from replay.fold import Progress
from replay.models import READ_MODELS
from replay.rebuild import Rebuilt, rebuild
from tests.scenario import ADA, BOB, EVE
from tests.store import Store, open_store

ROOMS = READ_MODELS["rooms"]
ORDERED = [f"SELECT * FROM {table.name} ORDER BY {', '.join(table.key)}" for table in ROOMS.tables]
DEFINITIONS = """
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid IN ('rooms'::regclass, 'memberships'::regclass,
    'messages'::regclass)
UNION ALL SELECT relname || reloptions::text FROM pg_class WHERE relname IN ('rooms', 'memberships', 'messages')
UNION ALL SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
ORDER BY 1
"""


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """Two rooms with some history."""
    async with open_store(database_url) as opened:
        for name in ("One", "Two"):
            room_id = await opened.open_room(name)
            await opened.chat.join_all(room_id, [BOB, EVE])
            for number in range(20):
                await opened.chat.post_message(PostMessage(room_id, BOB, f"{name} {number}"))
            await opened.chat.leave_room(LeaveRoom(room_id, BOB))
        yield opened


async def tables(store: Store) -> list[list[Any]]:
    return [await store.database.fetch(sql) for sql in ORDERED]


async def rebuilt(dsn: str, store: Store, observe: Any = lambda _: None) -> Rebuilt:
    return await rebuild(dsn, ROOMS, store.log, observe)


async def test_a_rebuild_mends_every_row_and_leaves_the_schema_as_it_was(store: Store, database_url: str) -> None:
    before, definitions = await tables(store), await store.database.fetch(DEFINITIONS)
    await store.database.execute("UPDATE messages SET content = 'never said' WHERE version = 7")
    await store.database.execute("DELETE FROM memberships WHERE user_id = 3")
    await store.database.execute("UPDATE rooms SET member_count = 99, name = 'Nine'")
    done = await rebuilt(database_url, store)
    assert await tables(store) == before
    assert await store.database.fetch(DEFINITIONS) == definitions
    assert (done.events, done.position, done.resumed_at) == (50, 50, 0)
    leftovers = "SELECT count(*) FROM pg_namespace WHERE nspname ~ 'rebuild|replaced'"
    assert await store.database.fetchval(leftovers) == 0


async def test_readers_and_writers_go_on_and_nothing_of_theirs_is_lost(store: Store, database_url: str) -> None:
    async with open_store(database_url) as elsewhere:
        room_id = await store.open_room("Busy")
        written = 0
        stop = asyncio.Event()

        async def write(through: Store) -> None:
            nonlocal written
            while not stop.is_set():
                await through.chat.post_message(PostMessage(room_id, ADA, "going on"))
                written += 1

        async def read() -> None:
            while not stop.is_set():
                found = (await store.queries.messages(ADA, room_id, page=1)).value
                assert found is not None
                assert found.count == len(found.results) or found.count > 100

        traffic = [asyncio.create_task(work) for work in (write(store), write(elsewhere), read())]
        for _ in range(3):
            done = await rebuilt(database_url, store)
            await elsewhere.chat.join_room(JoinRoom(room_id, BOB))
            await elsewhere.chat.leave_room(LeaveRoom(room_id, BOB))
        stop.set()
        await asyncio.gather(*traffic)
        assert done.position > 50
        after = await tables(store)
        await rebuilt(database_url, store)
        assert await tables(store) == after
        assert len(await store.versions(room_id)) == written + 2 + 6


async def test_an_interrupted_rebuild_changes_nothing_and_goes_on_where_it_was(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 10)
    await store.database.execute("UPDATE rooms SET name = 'Nine'")
    corrupt = await tables(store)

    def interrupt(progress: Progress) -> None:
        if progress.position >= 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await rebuilt(database_url, store, interrupt)
    assert await tables(store) == corrupt
    done = await rebuilt(database_url, store)
    assert (done.resumed_at, done.events) == (30, 20)
    assert {row["name"] for row in (await tables(store))[0]} == {"One", "Two"}


async def test_two_at_once_are_refused(store: Store, database_url: str) -> None:
    reader = await asyncpg.connect(database_url)
    holding = asyncio.Event()
    async with reader.transaction():
        await reader.fetch("SELECT * FROM messages")  # so that the first cannot finish
        first = asyncio.create_task(rebuilt(database_url, store, lambda _: holding.set()))
        await holding.wait()
        with pytest.raises(AlreadyRunning):
            await rebuilt(database_url, store)
    await reader.close()
    assert (await first).position == 50


async def test_a_reader_that_does_not_end_delays_the_swap_and_nobody_else(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replay.rebuild.ATTEMPTS", 2)
    before = await tables(store)
    reader = await asyncpg.connect(database_url)
    async with reader.transaction():
        await reader.fetch("SELECT * FROM messages")
        with pytest.raises(SwapBlocked, match=str(reader.get_server_pid())):
            await rebuilt(database_url, store)
        assert await tables(store) == before
    await reader.close()
    assert (await rebuilt(database_url, store)).resumed_at == 50
