"""The schema of today, how a database comes to it, and what an older program may not take back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner

from api.schema import bring_up_to_date, function_files
from api.wiring import create_fold
from cli.main import main
from domain.chat import PostMessage
from eventstore import generation
from postgres.embedded import EmbeddedPostgres
from postgres.functions import FunctionFile
from postgres.migrations import MigrationError, apply_migrations, read_migrations
from postgres.upgrade import upgrade
from replay.rebuild.verify import verify
from tests.conftest import database_like
from tests.support.given_when_then import ADA
from tests.support.schema_file import FILE, describe
from tests.support.store import open_store

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


async def test_an_installation_of_the_first_release_is_upgraded_while_it_runs(
    empty_database: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    steps = {step.number: step for step in read_migrations()}
    # The process that runs all the time is today's program, so it needs one thing of today: what it knows the log by.
    await apply_migrations(connection, [step for number, step in steps.items() if number <= 8 or number == 12])
    await connection.execute(generation.FUNCTIONS.read_text())
    async with open_store(empty_database) as running:
        room_id = await running.open_room()
        await running.chat.post_message(PostMessage(room_id, ADA, "before"))
        before = await running.events()
        environment = {"DATABASE_URL": empty_database, "DATA_DIR": str(tmp_path)}
        upgraded = await asyncio.to_thread(CliRunner(env=environment).invoke, main, ["db", "init"])
        assert upgraded.exit_code == 0
        assert upgraded.output.splitlines()[0] == "applied 0009 functions"
        assert [f"applied {file}" in upgraded.output for file in function_files()] == [True] * len(function_files())
        assert await running.events() == before
        await running.chat.post_message(PostMessage(room_id, ADA, "by a process that was running all the time"))
    async with open_store(empty_database) as restarted:
        await restarted.chat.post_message(PostMessage(room_id, ADA, "after"))
        assert (await restarted.events())[: len(before)] == before
        assert await restarted.versions(room_id) == [1, 2, 3, 4, 5]
    assert (await verify(create_fold(), empty_database, lambda _: None)).differences == []
    assert await describe(connection) == FILE.read_text()
    assert await bring_up_to_date(connection) == []


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
