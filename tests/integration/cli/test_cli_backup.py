"""`onrecord db backup` and `restore`: all or nothing, and a line that says why not."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from postgres.dump import write_dump
from postgres.embedded import EmbeddedPostgres
from tests.conftest import database_like
from tests.support.store import open_store

Run = Callable[..., Result]


@pytest.fixture
def onrecord(database_url: str, tmp_path: Path) -> Run:
    """A command on the database of the test, unless another is named."""

    def run(*arguments: str, on: str = database_url) -> Result:
        return CliRunner(env={"DATABASE_URL": on, "DATA_DIR": str(tmp_path / "var")}).invoke(main, list(arguments))

    return run


@pytest.fixture
async def dump(database_url: str, onrecord: Run, tmp_path: Path) -> Path:
    async with open_store(database_url) as store:
        await store.open_room()
    file = tmp_path / "onrecord.dump"
    written = await asyncio.to_thread(onrecord, "db", "backup", str(file))
    assert (written.exit_code, "Keep it secret" in written.stdout) == (0, True), written.output
    assert [entry.stat().st_mode & 0o777 for entry in os.scandir(tmp_path)] == [0o600]
    return file


@pytest.fixture
async def empty(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    async with database_like("template0", "test_of_restore", postgres) as url:
        yield url


def beginning_of(file: Path, *, share: float) -> Path:
    """Another file, with as much of this one."""
    whole, piece = file.read_bytes(), file.with_name("piece.dump")
    piece.write_bytes(whole[: int(len(whole) * share)])
    return piece


def made_at(file: Path) -> int:
    return file.stat().st_mtime_ns


async def fetch(dsn: str, sql: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def refusal(command: Callable[[], Result]) -> str:
    """The one line of a command that is refused."""
    said = await asyncio.to_thread(command)
    assert (said.exit_code, said.stdout, said.stderr.count("\n")) == (1, "", 1), said.output
    return said.stderr


async def test_a_restored_database_is_the_one_that_was_backed_up(
    database_url: str, dump: Path, empty: str, onrecord: Run
) -> None:
    restored = await asyncio.to_thread(
        onrecord, "db", "restore", str(dump), "--why", "it died", "--by", "ada", on=empty
    )
    assert (restored.exit_code, restored.stdout.startswith("restored into postgresql://")) == (0, True), restored.output
    for table in ("stored_events", "rooms", "log_generation", "schema_migrations", "fanout_lanes"):
        rows = f"SELECT * FROM {table} ORDER BY 1, 2"
        assert await fetch(empty, rows) == await fetch(database_url, rows), table
    assert await fetch(empty, "SELECT who, action, subject, why FROM operator_actions") == [
        ("ada", "restore", "onrecord.dump", "it died")
    ]
    assert await fetch(empty, "SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'stored_events'") == [(True,)]


async def test_nothing_is_restored_over_what_is_there(database_url: str, dump: Path, onrecord: Run) -> None:
    said = await refusal(lambda: onrecord("db", "restore", str(dump), "--why", "x"))
    assert "is not empty; restore into an empty database" in said
    assert await fetch(database_url, "SELECT count(*) FROM operator_actions") == [(0,)]


@pytest.mark.parametrize("cut", [0.5, 0.99])
async def test_a_dump_that_was_cut_short_leaves_the_database_empty(
    dump: Path, empty: str, onrecord: Run, cut: float
) -> None:
    piece = beginning_of(dump, share=cut)
    assert "end of file" in await refusal(lambda: onrecord("db", "restore", str(piece), "--why", "x", on=empty))
    assert await fetch(empty, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]
    assert (await asyncio.to_thread(onrecord, "db", "restore", str(dump), "--why", "x", on=empty)).exit_code == 0


async def test_a_backup_comes_through_standard_input(dump: Path, empty: str) -> None:
    """As into a container, which does not see the operator's files."""

    def restore(given: bytes) -> Result:
        return CliRunner(env={"DATABASE_URL": empty}).invoke(main, ["db", "restore", "-", "--why", "x"], input=given)

    whole = await asyncio.to_thread(dump.read_bytes)
    assert "input file is too short" in await refusal(lambda: restore(b""))
    assert "end of file" in await refusal(lambda: restore(whole[: len(whole) // 2]))
    assert (await asyncio.to_thread(restore, whole)).exit_code == 0
    assert await fetch(empty, "SELECT action, subject FROM operator_actions") == [("restore", "standard input")]


async def test_what_is_not_a_backup_creates_no_database(tmp_path: Path, onrecord: Run) -> None:
    (tmp_path / "log.jsonl").write_text("{}\n")
    said = await refusal(lambda: onrecord("db", "restore", str(tmp_path / "log.jsonl"), "--why", "x", on=""))
    assert "input file is too short" in said
    assert not (tmp_path / "var").exists()


async def test_a_dump_of_another_database_is_refused(empty: str, tmp_path: Path, onrecord: Run) -> None:
    connection = await asyncpg.connect(empty)
    await connection.execute("CREATE TABLE notes ()")
    file = tmp_path / "other.dump"
    await asyncio.to_thread(write_dump, empty, file)
    await connection.execute("DROP TABLE notes")
    await connection.close()
    assert "is not a backup of onrecord" in await refusal(
        lambda: onrecord("db", "restore", str(file), "--why", "x", on=empty)
    )


async def test_a_backup_that_cannot_be_written_leaves_nothing(dump: Path, onrecord: Run, tmp_path: Path) -> None:
    before = made_at(dump)
    taken = await asyncio.to_thread(onrecord, "db", "backup", str(dump))
    assert (taken.exit_code, "exists; --overwrite replaces it" in taken.stderr) == (2, True)
    nowhere = await refusal(lambda: onrecord("db", "backup", str(tmp_path / "nowhere" / "onrecord.dump")))
    assert "No such file or directory" in nowhere
    dropped = "postgresql://nobody:wrong@127.0.0.1:9/none"
    assert "Error: " in await refusal(lambda: onrecord("db", "backup", str(tmp_path / "b.dump"), on=dropped))
    assert made_at(dump) == before
    assert sorted(os.listdir(tmp_path)) == ["onrecord.dump"]


async def test_a_table_that_the_role_may_not_read_is_named(database_url: str, onrecord: Run, tmp_path: Path) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "CREATE ROLE reader_of_little LOGIN; GRANT SELECT ON schema_migrations TO reader_of_little"
    )
    as_reader = database_url.replace("//onrecord@", "//reader_of_little@")
    assert "permission denied for table" in await refusal(
        lambda: onrecord("db", "backup", str(tmp_path / "b.dump"), on=as_reader)
    )
    assert os.listdir(tmp_path) == []
    await connection.execute("DROP OWNED BY reader_of_little")
    await connection.execute("DROP ROLE reader_of_little")
    await connection.close()
