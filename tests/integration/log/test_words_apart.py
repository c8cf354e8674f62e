"""What people type is in the database once, apart from the log, and can be erased without a change to anything else."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from api.wiring import create_fold
from domain.errors import InvalidField, NameTaken
from domain.idempotency import idempotency_key
from domain.room.messages import PostMessage
from domain.room.naming import RenameRoom
from domain.room.opening import OpenRoom
from domain.values import ClientId, RoomId
from domain.words import Erased, Present
from eventstore.errors import KeyReused
from eventstore.values import LOG_START, STREAM_START, Version
from projections.readmodels.shapes import Member, Message
from projections.readmodels.tables import TABLES
from replay.rebuild.rebuild import rebuild
from replay.rebuild.verify import verify
from tests.support.given_when_then import ADA, BOB
from tests.support.store import Store, append_lock_held, eventually_submitted, open_store

NAME, RENAMED, SAID, KEY = "Zanzibar Wharf", "Zanzibar Quay", "a lighthouse at noon", "key of a client"

EVERY_TABLE = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname
"""
IN_ROW = "SELECT EXISTS (SELECT FROM {} AS row WHERE strpos(row::text, $1) > 0 OR strpos(row::text, $2) > 0)"


@pytest.fixture
async def psql(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def room(store: Store) -> RoomId:
    """A room at version 5: opened, renamed at 4; a message with a client id at 3, and another at 5."""
    opened = await store.chat.open_room(OpenRoom(NAME, ADA, ClientId(f"{KEY} to open")))
    room_id = RoomId(opened.event.originator_id)
    await store.chat.post_message(PostMessage(room_id, ADA, SAID, ClientId(KEY)))
    await store.chat.rename_room(RenameRoom(room_id, ADA, RENAMED))
    await store.chat.post_message(PostMessage(room_id, ADA, "and again"))
    return room_id


async def tables_with(text: str, connection: asyncpg.Connection) -> list[str]:
    """The tables that have a text in a row of theirs, in letters or in the hexadecimal form of bytes."""
    tables = [row["relname"] for row in await connection.fetch(EVERY_TABLE)]
    return [table for table in tables if await connection.fetchval(IN_ROW.format(table), text, text.encode().hex())]


async def erase(room_id: RoomId, *versions: int, connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("SELECT erase_bodies($1, $2::bigint[])", room_id, versions))


async def test_words_are_in_one_table_and_in_no_row_of_the_log(
    store: Store, room: RoomId, psql: asyncpg.Connection
) -> None:
    assert [await tables_with(text, psql) for text in (SAID, NAME, RENAMED)] == [["bodies"]] * 3
    assert await tables_with(KEY, psql) == ["bodies", "idempotency_keys"]
    assert await tables_with("room_opened", psql) == ["stored_events"]  # the search finds what is in the log
    texts = await psql.fetch("SELECT version, content, client_id FROM bodies ORDER BY version")
    assert [tuple(row) for row in texts] == [
        (1, NAME, None),
        (3, SAID, KEY),
        (4, RENAMED, None),
        (5, "and again", None),
    ]


async def test_what_is_erased_is_gone_from_every_table(room: RoomId, psql: asyncpg.Connection) -> None:
    assert await erase(room, 1, 3, 4, connection=psql) == 3
    assert [await tables_with(text, psql) for text in (SAID, NAME, RENAMED)] == [[]] * 3
    assert await psql.fetchval("SELECT count(*) FROM body_keys") == 0


CHANGES = [
    "UPDATE bodies SET content = 'forged'",
    "UPDATE bodies SET content = 'forged' WHERE false",
    "DELETE FROM bodies",
    "DELETE FROM bodies WHERE version = 3",
    "TRUNCATE bodies CASCADE",
    "DO $$ BEGIN DELETE FROM bodies; END $$",
    "INSERT INTO bodies SELECT * FROM bodies ON CONFLICT (stream, version) DO UPDATE SET content = 'forged'",
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("role", ["origin", "replica"])
async def test_words_are_changed_by_no_statement_and_deleted_by_one_function(
    room: RoomId, psql: asyncpg.Connection, change: str, role: str
) -> None:
    before = await psql.fetch("SELECT * FROM bodies ORDER BY version")
    await psql.execute(f"SET session_replication_role = {role}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only erased by erase_bodies"):
        await psql.execute(change)
    assert await psql.fetch("SELECT * FROM bodies ORDER BY version") == before
    assert await erase(room, 3, connection=psql) == 1
    assert await psql.fetch("SELECT * FROM bodies ORDER BY version") == [row for row in before if row["version"] != 3]


async def test_postgresql_keeps_no_statistics_of_words(room: RoomId, psql: asyncpg.Connection) -> None:
    await psql.execute("ANALYZE")
    known = await psql.fetch("SELECT tablename, attname FROM pg_stats WHERE schemaname = 'public'")
    columns = {(row["tablename"], row["attname"]) for row in known}
    assert ("bodies", "version") in columns
    assert columns.isdisjoint(
        {("bodies", name) for name in ("salt", "content", "client_id")}
        | {("body_keys", "key"), ("messages", "content"), ("former_names", "name")}
        | {("rooms", name) for name in ("name", "name_key")}
    )


async def test_a_rebuild_and_a_verification_do_without_words_and_see_no_difference_when_they_are_erased(
    room: RoomId, database_url: str, psql: asyncpg.Connection
) -> None:
    rows = [await psql.fetch(f"SELECT * FROM {table}") for table in TABLES]
    before = await verify(create_fold(), database_url, lambda _: None)
    await erase(room, 1, 3, 4, connection=psql)
    await psql.execute("ALTER TABLE bodies RENAME TO out_of_reach")
    await psql.execute("ALTER TABLE body_keys RENAME TO out_of_reach_as_well")
    await rebuild(create_fold(), database_url, lambda _: None)
    after = await verify(create_fold(), database_url, lambda _: None)
    assert (after.digest, after.differences, after.findings) == (before.digest, [], [])
    assert [await psql.fetch(f"SELECT * FROM {table}") for table in TABLES] == rows


async def test_an_erased_message_keeps_its_place_its_author_and_its_time_wherever_it_is_shown(
    store: Store, room: RoomId, psql: asyncpg.Connection
) -> None:
    before = (await store.queries.messages(ADA, room, page=1)).value
    assert before is not None
    await erase(room, 3, 5, connection=psql)
    page = (await store.queries.messages(ADA, room, page=1)).value
    assert page is not None
    assert [message.content for message in page.results] == ["", ""]
    unchanged = [(message.id, message.user, message.created_at) for message in before.results]
    assert [(message.id, message.user, message.created_at) for message in page.results] == unchanged
    older = (await store.queries.messages_before(ADA, room, before=Version(5), limit=5)).value
    assert [message.content for message in older.results] == [""]
    for events in (
        (await store.queries.events(ADA, room, after=STREAM_START, limit=10)).value.events,
        (await store.queries.feed(ADA, after=LOG_START, limit=10)).value,
    ):
        assert [event.body.content for event in events if isinstance(event.body, Message)] == ["", ""]
    shown = (await store.queries.room(ADA, room)).value.last_message
    assert shown is not None
    assert shown.content == ""
    assert [message.said.words for message in (await store.time_travel.room_at(room)).messages] == [Erased(), Erased()]
    assert [r.event.words for r in await store.events() if r.version == 3] == [Erased()]


async def test_every_event_shows_the_name_of_its_moment_as_far_as_names_are_not_erased(
    store: Store, room: RoomId, psql: asyncpg.Connection
) -> None:
    async def names() -> list[str]:
        events = (await store.queries.events(ADA, room, after=STREAM_START, limit=10)).value.events
        return [event.body.room.name for event in events if isinstance(event.body, Member)]

    assert await names() == [NAME, NAME, RENAMED]
    await erase(room, 1, connection=psql)
    assert await names() == ["", "", RENAMED]
    assert (await store.time_travel.room_at(room, Version(3))).name == ""
    await erase(room, 4, connection=psql)
    assert await names() == ["", "", ""]
    assert (await store.queries.room(ADA, room)).value.name == ""
    found = (await store.queries.search(BOB, "", page=1)).value
    assert found is not None
    assert [result.name for result in found.results] == [""]
    found = (await store.queries.search(BOB, "zanzibar", page=1)).value
    assert found is not None
    assert found.count == 0


async def test_an_erased_name_is_free_and_one_that_is_not_stays_taken(
    store: Store, room: RoomId, psql: asyncpg.Connection
) -> None:
    with pytest.raises(NameTaken):
        await store.open_room("zanzibar  QUAY", by=BOB)
    await store.open_room(NAME, by=BOB)  # a former name
    await erase(room, 4, connection=psql)
    await store.open_room(RENAMED, by=BOB)


async def test_the_very_name_that_a_room_has_is_refused_in_every_process_and_within_one_batch(
    store: Store, room: RoomId, database_url: str
) -> None:
    rename = RenameRoom(room, ADA, RENAMED)
    async with open_store(database_url) as other:
        for process in (store, other):
            with pytest.raises(InvalidField, match="this name already"):
                await process.chat.rename_room(rename)
    await store.chat.rename_room(RenameRoom(room, ADA, RENAMED.upper()))  # an equal key, and another name
    async with append_lock_held(database_url):
        commands = [
            asyncio.create_task(store.chat.rename_room(RenameRoom(room, ADA, name)))
            for name in ("Pier", "Pier", "PIER")
        ]
        await eventually_submitted(store, 0)
    first, second, third = await asyncio.gather(*commands, return_exceptions=True)
    assert [isinstance(answer, Exception) for answer in (first, second, third)] == [False, True, False]
    assert isinstance(second, InvalidField)
    assert (await store.queries.room(ADA, room)).value.name == "PIER"


async def test_a_repeated_command_is_answered_with_its_words_and_after_an_erasure_without(
    store: Store, room: RoomId, psql: asyncpg.Connection, database_url: str
) -> None:
    command = PostMessage(room, ADA, SAID, ClientId(KEY))
    async with open_store(database_url) as other:
        again = await other.chat.post_message(command)
        assert (again.event.originator_version, again.event.words) == (3, Present(SAID))
        await erase(room, 3, connection=psql)
        assert (await other.chat.post_message(command)).event.words == Erased()


async def test_fingerprints_of_commands_are_keyed_and_bare_ones_of_before_still_count(
    store: Store, room: RoomId, psql: asyncpg.Connection
) -> None:
    command = PostMessage(room, ADA, SAID, ClientId(KEY))
    key = idempotency_key(command)
    assert key is not None
    stored = await psql.fetchval("SELECT fingerprint FROM idempotency_keys WHERE key = $1", KEY)
    assert key.fingerprint not in stored
    with pytest.raises(KeyReused):
        await store.chat.post_message(PostMessage(room, ADA, "something else", ClientId(KEY)))
    assert (await store.chat.post_message(command)).event.originator_version == 3
    await psql.execute("UPDATE idempotency_keys SET fingerprint = $2 WHERE key = $1", KEY, key.fingerprint)
    assert (await store.chat.post_message(command)).event.originator_version == 3
    with pytest.raises(KeyReused):
        await store.chat.post_message(PostMessage(room, ADA, "something else", ClientId(KEY)))


async def test_a_command_repeated_after_a_change_of_the_secret_is_answered_with_what_it_recorded(
    store: Store, room: RoomId, database_url: str
) -> None:
    command = PostMessage(room, ADA, SAID, ClientId(KEY))
    before = await store.chat.post_message(command)
    async with open_store(database_url, secret="another secret of at least 32 characters") as other:
        assert (await other.chat.post_message(command)).event == before.event
