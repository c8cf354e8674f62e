"""The commands on a hot standby: those that read work, those that change say in one line why they do not."""

import asyncio
import json
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner, Result

from api.settings import Settings
from audit.tree.store import begin_epoch
from cli.main import main
from cli.support.environment import chat_core
from domain.room.messages import PostMessage
from domain.room.naming import RenameRoom
from postgres.embedded import EmbeddedPostgres
from tests.integration.audit.test_tree_growth import grown
from tests.support.conditions import eventually
from tests.support.every_command import CHANGING, READING, REFUSED_BY_THE_RULES, command_line
from tests.support.given_when_then import ADA
from tests.support.people import PASSWORD
from tests.support.serving import ONRECORD
from tests.support.standby import caught_up, standby_of
from tests.support.store import open_store

ONLY_READS = "Error: the database only answers reads: it is a standby, or was made read-only\n"

Run = Callable[..., Result]


@pytest.fixture
async def standby(own_postgres: EmbeddedPostgres, postgres_folder: Path) -> AsyncIterator[str]:
    """A standby of a server with one room."""
    async with open_store(own_postgres.dsn) as store:
        async with chat_core(Settings(database_url=own_postgres.dsn)) as (_, accounts):
            await accounts.sign_up("grace", PASSWORD)
        room_id = await store.open_room("General")
        await store.chat.post_message(PostMessage(room_id, ADA, "hello"))
        await store.chat.rename_room(RenameRoom(room_id, ADA, "Generals"))
        await store.chat.rename_room(RenameRoom(room_id, ADA, "General"))
        with tempfile.TemporaryDirectory(prefix="onrecord-standby-") as folder:
            async with standby_of(own_postgres, postgres_folder, Path(folder) / "copy") as dsn:
                await store.chat.post_message(PostMessage(room_id, ADA, "streamed"))
                await caught_up(dsn, own_postgres.dsn)
                yield dsn


@pytest.fixture
def onrecord(standby: str, tmp_path: Path) -> Run:
    def run(*arguments: str) -> Result:
        settings = {
            "DATABASE_URL": standby,
            "DATA_DIR": str(tmp_path / "data"),
            "DEMO": "yes",
            "SERVICE_PASSWORD": "as long as it takes",
        }
        return CliRunner(env=settings).invoke(main, list(arguments))

    return run


async def test_commands_that_read_work(onrecord: Run, tmp_path: Path) -> None:
    def all_of_them() -> None:
        for command in [*(command_line(words, tmp_path) for words in sorted(READING)), ["fanout", "lanes"]]:
            result = onrecord(*command)
            assert result.exit_code == 0, (command, result.output)
        assert "streamed" in onrecord("room", "show", "General").stdout

    await asyncio.to_thread(all_of_them)


async def test_the_status_is_judged_by_what_the_standby_has_heard(
    standby: str, own_postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    def status() -> int:
        settings = {"DATABASE_URL": standby, "DATA_DIR": str(tmp_path), "FANOUT_LAG_LIMIT_S": "2"}
        return CliRunner(env=settings).invoke(main, ["projections", "status", "--sample", "0"]).exit_code

    primary = await asyncpg.connect(own_postgres.dsn)
    async with open_store(own_postgres.dsn) as store:
        await primary.execute("UPDATE fanout_lanes SET position = (SELECT max(notification_id) FROM stored_events)")
        await store.open_room("Bugs")  # published by then, and the standby has not heard it
        await caught_up(standby, own_postgres.dsn)
        posted = time.monotonic()

        async def is_older_than_the_limit() -> bool:
            return time.monotonic() > posted + 2.5

        await eventually(is_older_than_the_limit)
        assert await asyncio.to_thread(status) == 0
        await store.open_room("Late")  # what is published late is late there, too
        await caught_up(standby, own_postgres.dsn)
        assert await asyncio.to_thread(status) == 1
    await primary.close()


async def test_the_tail_follows_what_streams_in(standby: str, own_postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(ONRECORD, "events", "tail", "-n", "1", "-f", "--json"),
        env={"DATABASE_URL": standby, "DATA_DIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert json.loads(await process.stdout.readline())["content"] == "streamed"
    async with open_store(own_postgres.dsn) as store:
        await store.open_room("Bugs")
    assert json.loads(await process.stdout.readline())["type"] == "room_opened"
    process.send_signal(signal.SIGINT)
    _, said = await process.communicate()
    assert (process.returncode, said) == (0, b"")


async def test_verify_compares_a_table_with_a_column_of_an_operator(
    onrecord: Run, standby: str, own_postgres: EmbeddedPostgres
) -> None:
    primary = await asyncpg.connect(own_postgres.dsn)
    await primary.execute("ALTER TABLE messages ADD next bigint GENERATED ALWAYS AS (version + 1) STORED")
    await primary.close()
    async with open_store(own_postgres.dsn) as store:
        await store.open_room("Bugs")
    await caught_up(standby, own_postgres.dsn)
    verified = await asyncio.to_thread(onrecord, "projections", "verify")
    assert (verified.exit_code, "all rows match the log" in verified.stdout) == (0, True), verified.output


async def test_verify_finds_what_is_wrong_there(onrecord: Run, standby: str, own_postgres: EmbeddedPostgres) -> None:
    verified = await asyncio.to_thread(onrecord, "projections", "verify", "--json")
    on_the_primary = await asyncio.to_thread(
        CliRunner(env={"DATABASE_URL": own_postgres.dsn}).invoke, main, ["projections", "verify", "--json"]
    )
    assert (verified.exit_code, verified.stdout) == (0, on_the_primary.stdout)
    primary = await asyncpg.connect(own_postgres.dsn)
    await primary.execute("UPDATE messages SET content = 'never said' WHERE version = 3")
    await primary.close()

    def found() -> list[str]:
        return onrecord("projections", "verify", "--json", "--room", "General").stdout.splitlines()

    for _ in range(100):  # until the change has streamed
        lines = await asyncio.to_thread(found)
        if len(lines) > 1:
            break
    difference, summary = map(json.loads, lines)
    assert (difference["table"], summary["verdict"]) == ("messages", "differs")


async def test_commands_that_change_say_why_they_do_not(onrecord: Run, tmp_path: Path) -> None:
    def all_of_them() -> None:
        for words in [*(set(CHANGING) - REFUSED_BY_THE_RULES), "room create"]:
            result = onrecord(*command_line(words, tmp_path))
            assert (result.exit_code, result.stderr) == (1, ONLY_READS), words

    await asyncio.to_thread(all_of_them)


async def test_the_record_is_verified_there_and_the_result_is_shown_only(
    onrecord: Run, standby: str, own_postgres: EmbeddedPostgres
) -> None:
    primary = await asyncpg.connect(own_postgres.dsn)
    await begin_epoch(1, "chat.example/audit/1", primary)
    await grown(primary)
    await primary.close()
    await caught_up(standby, own_postgres.dsn)
    verified = await asyncio.to_thread(onrecord, "audit", "verify")
    assert (verified.exit_code, "all of it fits" in verified.stdout) == (0, True), verified.output
    assert "The result is not on record: the database only answers reads" in verified.stderr
