"""Commands work on the database that exists, and create none by accident."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner

from cli.main import main
from postgres.embedded import EmbeddedPostgres
from tests.conftest import database_like
from tests.support.embedded import data_folder

COMMANDS = (
    "actions",
    "events list",
    "events stats",
    "events search x",
    "events export log.jsonl",
    "projections status",
    "projections verify",
    "projections rebuild",
    "fanout lanes",
    "fanout pause --why x",
    "fanout dead-letters list",
    "room create Engines --owner ada",
    "room show Engines",
    "user create ada --password correct-horse-battery",
    "user role ada admin",
)


RELATIONS = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_mistyped_data_dir_is_refused_and_stays_as_it_was(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mistyped = tmp_path / "mistyped"
    said = CliRunner(env={"DATA_DIR": str(mistyped), "DATABASE_URL": ""}).invoke(main, command.split())
    assert (said.exit_code, said.stdout, said.stderr.count("\n")) == (1, "", 1)
    assert f"DATA_DIR {mistyped}: holds no database" in said.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_database_without_a_log_is_refused_and_stays_as_it_was(
    postgres: EmbeddedPostgres, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with database_like("template0", "test_of_no_log", postgres) as url:
        runner = CliRunner(env={"DATA_DIR": str(tmp_path), "DATABASE_URL": url})
        said = await asyncio.to_thread(runner.invoke, main, command.split())
        assert (said.exit_code, said.stdout, said.stderr.count("\n")) == (1, "", 1)
        assert "has no log: run `onrecord db init` first" in said.stderr
        connection = await asyncpg.connect(url)
        assert (
            await connection.fetchval("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0
        )
        await connection.close()


def test_a_command_says_which_database_it_read_where_no_pipe_sees_it() -> None:
    with data_folder() as folder:
        runner = CliRunner(env={"DATA_DIR": str(folder), "DATABASE_URL": ""})
        assert runner.invoke(main, ["db", "init"]).exit_code == 0
        said = runner.invoke(main, ["events", "stats", "--json"])
        assert (said.exit_code, said.stdout.count("\n")) == (0, 1)
        assert said.stderr == f"database: {folder.resolve()}\n"
