"""A log that went back, by a restored backup or a failover that lost the newest events."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest

from domain.errors import NotAMember
from domain.room.membership import JoinRoom
from domain.room.messages import PostMessage
from domain.values import RoomId
from eventstore.generation import NOTHING, Anchor, event_hash, look, read_generation
from eventstore.values import Position, Version
from tests.support.given_when_then import ADA, BOB
from tests.support.restored_log import Backup
from tests.support.store import Store, open_store

STREAM = UUID("00112233-4455-6677-8899-aabbccddeeff")
VECTOR = "85142a43ab9b83e5075388051cbe2d75e01288c7c9de32577a892ac3209a35a3"


async def say(store: Store, room: RoomId, *texts: str) -> None:
    for text in texts:
        await store.chat.post_message(PostMessage(room, ADA, text, None))


@asynccontextmanager
async def backup_of(dsn: str) -> AsyncIterator[Backup]:
    backup = await Backup.take(dsn)
    try:
        yield backup
    finally:
        await backup.discard()


@pytest.fixture
async def psql(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.mark.parametrize("topic", ["message_added", "", "ärger", "t" * 65_001])
@pytest.mark.parametrize("state", [b"{}", b"", b"\x00\xff" * 50_000])
async def test_the_database_and_the_program_compute_the_same_hash(
    psql: asyncpg.Connection, topic: str, state: bytes
) -> None:
    by_database = await psql.fetchval("SELECT event_hash($1, $2, $3, $4, $5)", 28, STREAM, 3, topic, state)
    assert by_database == event_hash(Position(28), STREAM, Version(3), topic, state)


async def test_the_hash_is_the_leaf_of_the_audit_tree(psql: asyncpg.Connection) -> None:
    assert event_hash(Position(28), STREAM, Version(3), "message_added", b"{}").hex() == VECTOR


async def test_an_event_is_the_hash_of_all_that_was_recorded_up_to_there(database_url: str) -> None:
    async with open_store(database_url) as store, store.database.connection() as connection:
        await say(store, await store.open_room(), "one", "two")
        newest = (await look(NOTHING, connection)).anchor
        assert newest == store.known.anchor
        assert (await look(newest, connection)).contains
        assert not (await look(Anchor(1, Position(newest.position + 1), newest.hash), connection)).contains
        assert not (await look(Anchor(1, Position(newest.position - 1), newest.hash), connection)).contains


async def test_versions_stay_contiguous_when_the_log_goes_back(database_url: str) -> None:
    async with open_store(database_url) as store:
        room = await store.open_room()
        await say(store, room, "kept")
        async with backup_of(database_url) as backup:
            await say(store, room, "lost", "lost too")
            await backup.restore()
            recorded = await store.chat.post_message(PostMessage(room, ADA, "new", None))
        assert recorded.event.originator_version == 4
        assert await store.versions(room) == [1, 2, 3, 4]
        assert store.known.generation == 2


async def test_a_room_of_the_lost_tail_is_gone_and_its_name_free(database_url: str) -> None:
    async with open_store(database_url) as store:
        await store.open_room("Kept")
        async with backup_of(database_url) as backup:
            lost = await store.open_room("Lost")
            await backup.restore()
            assert await store.versions(lost) == []
            await store.open_room("Lost")
        assert [r.event.name for r in await store.events() if hasattr(r.event, "name")] == ["Kept", "Lost"]


@pytest.mark.parametrize("posts_of_others", [1, 2, 3])
async def test_a_process_notices_when_others_have_filled_the_place_of_what_it_remembers(
    database_url: str, posts_of_others: int
) -> None:
    """Then versions and positions alone tell nothing: only the hash does."""
    async with open_store(database_url) as store:
        room = await store.open_room()
        async with backup_of(database_url) as backup:
            await store.chat.join_room(JoinRoom(room, BOB))
            await store.chat.post_message(PostMessage(room, BOB, "lost", None))
            await backup.restore()
            async with open_store(database_url) as other:
                await say(other, room, *("other",) * posts_of_others)
            with pytest.raises(NotAMember):
                await store.chat.post_message(PostMessage(room, BOB, "an outsider now", None))
        assert await store.versions(room) == list(range(1, 3 + posts_of_others))


async def test_every_process_takes_up_the_generation_that_the_first_one_began(database_url: str) -> None:
    async with open_store(database_url) as one, open_store(database_url) as two:
        room = await one.open_room()
        async with backup_of(database_url) as backup:
            await say(one, room, "lost")
            await say(two, room, "lost too")
            await backup.restore()
            await say(one, room, "one")
            await say(two, room, "two")
            assert (one.known.generation, two.known.generation) == (2, 2)
            await backup.restore()
            await say(two, room, "two again")
            await say(one, room, "one again")
            assert (one.known.generation, two.known.generation) == (3, 3)
        async with one.database.connection() as connection:
            assert await read_generation(connection) == 3
        assert await one.versions(room) == [1, 2, 3, 4]


async def test_a_lost_connection_alone_begins_no_generation(database_url: str) -> None:
    async with open_store(database_url) as store:
        room = await store.open_room()
        await say(store, room, "one")
        async with backup_of(database_url):  # which ends all connections
            await say(store, room, "two")
        assert store.known.generation == 1
