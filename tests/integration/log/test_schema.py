"""The schema of today, how a database comes to it, and what an older program may not take back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from click.testing import CliRunner

from api.schema import bring_up_to_date, function_files
from api.wiring import create_fold
from cli.main import main
from domain.errors import NameTaken
from domain.room import Room
from domain.room.messages import PostMessage
from domain.values import RoomId
from eventstore.errors import NewerFold
from postgres.embedded import EmbeddedPostgres
from postgres.functions import FunctionFile
from postgres.migrations import MigrationError, apply_migrations, read_migrations
from postgres.upgrade import upgrade
from replay.investigate.words_status import PlainRoom, read_words_status
from replay.rebuild.verify import verify
from tests.conftest import database_like
from tests.support.first_release import FirstRelease
from tests.support.given_when_then import ADA, BOB
from tests.support.schema_file import FILE, describe
from tests.support.stock_application import StockRooms, stock_environment
from tests.support.store import Store, open_store

ANSWER = "CREATE OR REPLACE FUNCTION answer() RETURNS integer LANGUAGE sql AS 'SELECT {}'"


@pytest.fixture
async def empty_database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The URL of a database without a schema."""
    async with database_like("template0", "test_of_the_schema", postgres) as url:
        yield url


@pytest.fixture
async def connection(empty_database: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(empty_database)
    yield opened
    await opened.close()


def answering(number: int, *, version: int) -> FunctionFile:
    """A file with a function that returns `number`."""
    return FunctionFile("answer.sql", version, ANSWER.format(number))


async def test_the_schema_file_is_what_the_migrations_build(connection: asyncpg.Connection) -> None:
    await bring_up_to_date(connection)
    assert FILE.read_text() == await describe(connection)


async def db_init(database_url: str, folder: Path) -> list[str]:
    """Run `onrecord db init`; returns what it prints."""
    environment = {"DATABASE_URL": database_url, "DATA_DIR": str(folder)}
    done = await asyncio.to_thread(CliRunner(env=environment).invoke, main, ["db", "init"])
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


async def rows(table: str, connection: asyncpg.Connection) -> list[asyncpg.Record]:
    return list(await connection.fetch(f"SELECT * FROM {table} AS row ORDER BY row"))


async def test_an_installation_of_the_first_release_is_upgraded_with_nothing_lost(
    empty_database: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    await apply_migrations(connection, [step for step in read_migrations() if step.number <= 8])
    running, room_id = FirstRelease(connection), RoomId(uuid4())
    await running.open_room(room_id, "General", by=ADA)
    await running.post(room_id, 3, "before", by=ADA)
    before = await rows("stored_events", connection)
    output = await db_init(empty_database, tmp_path)
    assert output[0] == "applied 0009 functions"
    assert [f"applied {file}" in output for file in function_files()] == [True] * len(function_files())
    assert await rows("stored_events", connection) == before
    with pytest.raises(asyncpg.PostgresError) as refused:
        await running.post(room_id, 4, "words for the log", by=ADA)
    assert getattr(refused.value, "sqlstate", None) == NewerFold.SQLSTATE
    async with open_store(empty_database) as restarted:
        page = (await restarted.queries.messages(ADA, room_id, page=1)).value
        assert page is not None
        assert [message.content for message in page.results] == ["before"]
        with pytest.raises(NameTaken):
            await restarted.open_room("GENERAL", by=BOB)
        await restarted.chat.post_message(PostMessage(room_id, ADA, "after"))
        assert await restarted.versions(room_id) == [1, 2, 3, 4]
        assert (await rows("stored_events", connection))[: len(before)] == before
        status = await read_words_status(restarted.database)
        assert (status.sealed, status.plain, status.plain_rooms) == (1, 2, [PlainRoom(room_id, "General", 2)])
    assert (await verify(create_fold(), empty_database, lambda _: None)).differences == []
    assert await describe(connection) == FILE.read_text()
    assert await bring_up_to_date(connection) == []


async def test_names_given_before_the_upgrade_are_those_that_a_rebuild_makes_after_it(
    database_url: str, empty_database: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    stock = StockRooms(env=stock_environment(database_url))
    for number in range(3):
        room = Room.open(name=f"Room {number}", user_id=ADA)
        for change in range(number):
            room.rename(user_id=ADA, name=f"Room {number} {change}", is_taken=False, present=None)
            room.post(user_id=ADA, content="hello")
        await asyncio.to_thread(stock.save, room)
    stock.close()
    async with open_store(database_url) as filled:  # its writer folds what was appended
        await apply_migrations(connection, [step for step in read_migrations() if step.number <= 17])
        for table in ("stored_events", "rooms", "memberships", "messages", "former_names", "checkpoints"):
            await copy(table, filled, connection)
        expected = await filled.database.fetch("SELECT * FROM rooms ORDER BY room_id")
    await connection.execute("INSERT INTO snapshots VALUES ($1, 1, 'room', 'with a name')", uuid4())
    await db_init(empty_database, tmp_path)
    assert await connection.fetch("SELECT * FROM rooms ORDER BY room_id") == expected
    assert await rows("snapshots", connection) == []
    verified = await verify(create_fold(), empty_database, lambda _: None)
    assert (verified.differences, verified.rows["former_names"]) == ([], 3)


async def copy(table: str, source: Store, connection: asyncpg.Connection) -> None:
    """Copy the columns of a table that an older schema has as well."""
    of_table = "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0"
    columns = [row["attname"] for row in await connection.fetch(of_table, table)]
    copied = await source.database.fetch(f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1, 2")
    await connection.copy_records_to_table(table, records=[tuple(row) for row in copied], columns=columns)


async def test_processes_that_start_together_apply_everything_once(empty_database: str) -> None:
    async def start() -> int:
        connection = await asyncpg.connect(empty_database)
        applied = await bring_up_to_date(connection)
        await connection.close()
        return len(applied)

    everything = len(read_migrations()) + len(function_files())
    assert sorted(await asyncio.gather(*(start() for _ in range(4)))) == [0, 0, 0, everything]


async def test_functions_are_applied_again_when_their_version_rises_and_only_then(
    connection: asyncpg.Connection,
) -> None:
    async def upgraded_to(file: FunctionFile) -> list[str]:
        applied = await upgrade(connection, steps=read_migrations(), files=[file])
        return [str(one) for one in applied if isinstance(one, FunctionFile)]

    assert await upgraded_to(answering(1, version=1)) == ["answer.sql version 1"]
    assert await upgraded_to(answering(1, version=1)) == []
    assert await upgraded_to(answering(2, version=3)) == ["answer.sql version 3"]
    assert await connection.fetchval("SELECT answer()") == 2
    with pytest.raises(MigrationError, match=r"the database has answer\.sql version 3, this program only 2"):
        await upgraded_to(answering(1, version=2))
    with pytest.raises(MigrationError, match=r"answer\.sql version 3 was changed .* raise its version"):
        await upgraded_to(answering(1, version=3))
    assert await connection.fetchval("SELECT answer()") == 2


async def test_a_file_of_functions_that_fails_leaves_the_functions_as_they_were(
    connection: asyncpg.Connection,
) -> None:
    async def upgrade_to(file: FunctionFile) -> None:
        await upgrade(connection, steps=read_migrations(), files=[file])

    await upgrade_to(answering(1, version=1))
    broken = answering(2, version=2)
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await upgrade_to(replace(broken, sql=f"{broken.sql}; CREATE NONSENSE"))
    assert await connection.fetchval("SELECT answer()") == 1
    await upgrade_to(broken)
    assert await connection.fetchval("SELECT answer()") == 2


async def test_a_program_older_than_the_schema_or_with_another_history_is_refused(
    connection: asyncpg.Connection,
) -> None:
    steps = read_migrations()
    await bring_up_to_date(connection)
    with pytest.raises(MigrationError, match=f"at migration {steps[-1].number}, newer than this program"):
        await upgrade(connection, steps=steps[:-1], files=[])
    edited = [replace(steps[0], sql=f"{steps[0].sql}-- edited\n"), *steps[1:]]
    with pytest.raises(MigrationError, match="migration 1 was changed"):
        await upgrade(connection, steps=edited, files=[])


def test_a_file_without_a_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "answer.sql"
    file.write_text(ANSWER.format(1))
    with pytest.raises(MigrationError, match=r"answer\.sql does not begin with a line"):
        FunctionFile.read(file)
