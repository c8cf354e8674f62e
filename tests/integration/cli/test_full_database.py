"""The database's disk is full: what reads goes on, what changes says why in one line, and space is all it takes."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from domain.room.messages import PostMessage
from tests.integration.conftest import StartServer, Visit
from tests.support.conditions import eventually
from tests.support.embedded import fill, volume
from tests.support.every_command import (
    CHANGING,
    OF_A_DUMP,
    OF_AUDITORS,
    READING,
    REFUSED_BY_THE_RULES,
    command_line,
    commands,
)
from tests.support.given_when_then import ADA
from tests.support.killable_processes import own_postgres_in
from tests.support.store import open_store

GONE = ("Error: the database is not available (", "Error: the database refuses the connection: ")
NO_SPACE = "Error: the database has no space left on its disk\n"
IN_NEED_OF_SPACE = {"projections verify"}
"""It reads, and folds the log into temporary tables."""

Run = Callable[[str], Result]


@pytest.fixture
async def volume_folder(postgres_folder: Path) -> AsyncIterator[Path]:
    """A small volume of its own."""
    with volume(postgres_folder, megabytes=100):
        yield postgres_folder


@pytest.fixture
async def database_url(volume_folder: Path) -> AsyncIterator[str]:
    """A database on that volume, which is not yet full."""
    async with own_postgres_in(volume_folder, min_wal_size="32MB") as server:
        yield server.dsn


@pytest.fixture
def onrecord(database_url: str, tmp_path: Path) -> Run:
    """Runs a command, by its words."""

    def run(words: str) -> Result:
        settings = {
            "DATABASE_URL": database_url,
            "DATA_DIR": str(tmp_path / "data"),
            "DEMO": "yes",
            "PORT": "0",
            "SERVICE_PASSWORD": "as long as it takes",
        }
        return CliRunner(env=settings).invoke(main, command_line(words, tmp_path))

    return run


async def test_commands_read_and_say_in_one_line_why_they_change_nothing(
    onrecord: Run, database_url: str, volume_folder: Path, visit: Visit
) -> None:
    await visit("grace")
    async with open_store(database_url) as store:
        room_id = await store.open_room("General")
        await store.chat.post_message(PostMessage(room_id, ADA, "hello"))
    filler = fill(volume_folder)

    def all_of_them() -> None:
        for words in sorted(set(commands()) - OF_A_DUMP - OF_AUDITORS - {"serve"}):
            said = onrecord(words)
            assert isinstance(said.exception, SystemExit | None), (words, said.exception)
            if words in READING - IN_NEED_OF_SPACE:
                assert said.exit_code == 0, (words, said.output)
            if words in IN_NEED_OF_SPACE | set(CHANGING) - REFUSED_BY_THE_RULES:
                assert (said.exit_code, said.stderr) == (1, NO_SPACE), words

    await asyncio.to_thread(all_of_them)
    filler.unlink()
    paused = await asyncio.to_thread(onrecord, "fanout pause")
    assert paused.exit_code == 0, paused.output


async def test_commands_on_a_server_that_died_of_it_say_so_in_one_line(
    onrecord: Run, database_url: str, volume_folder: Path
) -> None:
    filler = fill(volume_folder)
    await eventually(lambda: is_gone(database_url))

    def all_of_them() -> None:
        for words in sorted(set(commands()) - OF_A_DUMP - OF_AUDITORS - {"serve", "db url"}):
            said = onrecord(words)
            assert isinstance(said.exception, SystemExit), (words, said.exception)
            assert (said.exit_code, said.stderr.count("\n")) == (1, 1), (words, said.output)
            assert said.stderr.startswith(GONE), words

    await asyncio.to_thread(all_of_them)
    filler.unlink()


async def test_a_service_answers_503_to_posts_and_serves_what_is_there(
    volume_folder: Path, visit: Visit, start_server: StartServer
) -> None:
    ada = await visit("ada")
    room_id = await ada.open_room("General")
    filler = fill(volume_folder)
    keys = [str(uuid.uuid4()) for _ in range(20)]

    async def post(key: str) -> int:
        answer = await ada.post(
            f"/api/rooms/{room_id}/messages/", {"content": key * 100}, headers={"Idempotency-Key": key}
        )
        if answer.status == 503:
            assert (answer.body["code"], int(answer.headers["Retry-After"])) == ("unavailable", 1)
        return answer.status

    statuses = [await post(key) for key in keys]
    assert set(statuses) <= {201, 503}
    assert statuses[-1] == 503
    assert (await ada.get(f"/rooms/{room_id}/")).status == 200
    filler.unlink()

    async def is_posted() -> bool:
        return await post(keys[-1]) == 201

    await eventually(is_posted)
    assert {await post(key) for key in keys} <= {200, 201}
    stay = await ada.get(f"/api/rooms/{room_id}/")
    assert stay.body["version"] == 2 + len(keys)  # opened and joined
    assert (await ada.get("/readyz")).status == 200


async def is_gone(url: str) -> bool:
    """Have the server begin new files of its journal until it cannot, of which it dies."""
    try:
        connection = await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError):
        return True
    try:
        await connection.execute("SELECT pg_logical_emit_message(false, 'fill', repeat('x', 4000000)), pg_switch_wal()")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    finally:
        connection.terminate()
    return False
