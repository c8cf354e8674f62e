"""`onrecord audit scrub` where something is in its way: it says what, and does what it can."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from api.schema import bring_up_to_date
from cli.main import main
from domain.room.messages import PostMessage
from eventstore.service_role import grant_service_role
from postgres.embedded import EmbeddedPostgres
from postgres.locks import SCRUB
from postgres.scrub import tables
from postgres.scrub.tables import tables_with_text
from tests.conftest import database_like, database_named
from tests.support.debians_postgres import PASSWORD, as_superuser, needs_postgres, running_postgres
from tests.support.given_when_then import ADA
from tests.support.killable_processes import own_postgres_in
from tests.support.store import open_store

Scrub = Callable[..., Awaitable[dict[str, Any]]]


def run(dsn: str, folder: Path, *arguments: str) -> Result:
    environment = {"DATABASE_URL": dsn, "DATA_DIR": str(folder)}
    return CliRunner(env=environment).invoke(main, ["audit", "scrub", "--why", "to try it", *arguments])


async def scrub(dsn: str, folder: Path, *arguments: str) -> dict[str, Any]:
    """What it says, as JSON, with its exit code."""
    done = await asyncio.to_thread(run, dsn, folder, "--json", *arguments)
    assert done.stdout, (done.stderr, done.exception)
    said: dict[str, Any] = json.loads(done.stdout)
    assert (done.exit_code == 0) is (said["verdict"] == "scrubbed") is (said["left"] == [])
    return said


async def refusal(dsn: str, folder: Path) -> str:
    done = await asyncio.to_thread(run, dsn, folder)
    assert (done.exit_code, done.stdout) == (1, ""), done.output
    return done.stderr


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


def rewritten(said: dict[str, Any]) -> set[str]:
    return {table["name"] for table in said["tables"]}


async def test_every_table_with_room_for_a_text_is_rewritten_but_the_log(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    await connection.execute("CREATE TABLE added (number bigint, note text)")
    await connection.execute("CREATE TABLE bare (number bigint, note text); ALTER TABLE bare DROP COLUMN note")
    await connection.execute("CREATE TABLE numbers (number bigint, at timestamptz, id uuid)")
    said = await scrub(database_url, tmp_path)
    done = rewritten(said)
    assert {"public.bodies", "public.body_keys", "public.idempotency_keys", "public.operator_actions"} <= done
    assert {"public.added", "public.bare", "pg_catalog.pg_statistic"} <= done
    assert done.isdisjoint({"public.stored_events", "public.numbers", "public.memberships"})
    with_text = {table.name for table in await tables_with_text(["public"], [], connection)}
    assert with_text - done == {"public.stored_events"}


async def test_it_is_on_record_before_it_begins_and_when_it_is_done(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    done = await asyncio.to_thread(run, database_url, tmp_path)
    assert done.exit_code == 0, done.output
    assert "each is locked while it is rewritten" in done.stderr
    assert "public.bodies" in done.stderr
    assert "dumps and base backups" in done.stdout
    actions = await connection.fetch("SELECT action, subject, why FROM operator_actions ORDER BY action_id")
    assert [row["action"] for row in actions] == ["scrub", "scrubbed"]
    assert {row["why"] for row in actions} == {"to try it"}
    assert actions[1]["subject"] == "all within reach"


async def test_words_that_an_open_transaction_can_see_are_not_said_to_be_gone(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    async with connection.transaction(isolation="repeatable_read"):
        await connection.fetch("SELECT FROM bodies")
        said = await scrub(database_url, tmp_path, "--wait", "0.3")
        pid = await connection.fetchval("SELECT pg_backend_pid()")
        assert (rewritten(said), len(said["left"])) == (set(), 1)
        assert said["left"][0].startswith(f"session {pid} of onrecord, since ")
    assert (await scrub(database_url, tmp_path))["left"] == []


async def test_a_table_in_use_is_named_and_the_others_are_rewritten(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "LOCK_TIMEOUT_S", 0.1)
    async with connection.transaction():
        await connection.execute("LOCK TABLE sessions IN ROW EXCLUSIVE MODE")
        said = await scrub(database_url, tmp_path, "--wait", "0.3")
        assert said["left"] == ["public.sessions is in use all the time: scrub again when it is quieter"]
        assert "public.bodies" in rewritten(said)
        assert "public.sessions" not in rewritten(said)


async def test_a_second_scrub_at_the_same_time_is_refused(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    assert await SCRUB.try_take(connection)
    assert await refusal(database_url, tmp_path) == "Error: another scrub is running\n"
    assert await connection.fetchval("SELECT count(*) FROM operator_actions") == 0
    await SCRUB.release(connection)
    assert (await scrub(database_url, tmp_path))["left"] == []


async def test_the_role_of_the_service_is_refused(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    role = f"service_of_{await connection.fetchval('SELECT current_database()')}"
    await grant_service_role(connection, role, "a password")
    try:
        said = await refusal(as_role(role, database_url), tmp_path)
        assert said.startswith(f"Error: {role} does not own public.")
        assert said.endswith("run it as the role that does\n")
        assert await connection.fetchval("SELECT count(*) FROM operator_actions") == 0
    finally:
        await connection.execute(f"DROP OWNED BY {role}")
        await connection.execute(f"DROP ROLE {role}")


@pytest.fixture
async def owned(postgres: EmbeddedPostgres) -> AsyncIterator[tuple[str, asyncpg.Connection]]:
    """A database that belongs to a role without further rights: its URL for that role, and a superuser in it."""
    server = await asyncpg.connect(postgres.dsn)
    await server.execute("CREATE ROLE owner_of_words LOGIN")
    async with database_like("template0", "test_of_an_owner", postgres) as url:
        await server.execute("ALTER DATABASE test_of_an_owner OWNER TO owner_of_words")
        superuser = await asyncpg.connect(url)
        owner = as_role("owner_of_words", database_named("test_of_an_owner", postgres))
        opened = await asyncpg.connect(owner)
        await bring_up_to_date(opened)
        await opened.close()
        yield owner, superuser
        await superuser.close()
    await server.execute("DROP OWNED BY owner_of_words")
    await server.execute("DROP ROLE owner_of_words")
    await server.close()


async def test_an_owner_without_further_rights_is_told_which_are_missing_and_they_are_enough(
    owned: tuple[str, asyncpg.Connection], tmp_path: Path
) -> None:
    url, superuser = owned
    async with open_store(url) as store:
        room = await store.open_room()
        for number in range(20):
            await store.chat.post_message(PostMessage(room, ADA, f"hello {number}"))
    await superuser.execute("ALTER TABLE bodies ALTER COLUMN content SET STATISTICS 100")
    await superuser.execute("ANALYZE bodies")
    await superuser.execute("ALTER TABLE bodies ALTER COLUMN content SET STATISTICS 0")
    said = await scrub(url, tmp_path)
    (left,) = said["left"]
    assert "public.bodies" in rewritten(said)
    assert said["statistics_removed"] == ["public.bodies, column 4"]
    assert (
        await superuser.fetchval("SELECT count(*) FROM pg_stats WHERE tablename = 'bodies' AND attname = 'content'")
        == 0
    )
    grants = left.partition("scrub again: ")[2]
    assert grants.count("GRANT") == 3
    await superuser.execute(grants)
    said = await scrub(url, tmp_path)
    assert (said["left"], said["write_ahead_log"]["removed"] > 0) == ([], True)


@needs_postgres
async def test_an_owner_on_the_oldest_postgresql_that_is_supported_scrubs_it(tmp_path: Path) -> None:
    async with running_postgres() as port, own_database_at(port) as (owner, url):
        await bring_up_to_date(owner)
        await owner.execute(
            "INSERT INTO idempotency_keys SELECT n, 'key', '', gen_random_uuid(), 1 FROM generate_series(1, 9) AS n;"
            "ALTER TABLE idempotency_keys ALTER COLUMN key SET STATISTICS 100; ANALYZE idempotency_keys;"
            "ALTER TABLE idempotency_keys ALTER COLUMN key SET STATISTICS 0"
        )
        said = await scrub(url, tmp_path)
        assert said["statistics_removed"] == ["public.idempotency_keys, column 2"]
        there = await asyncpg.connect(host="127.0.0.1", port=port, user="postgres", database="words", password=PASSWORD)
        await there.execute(said["left"][0].partition("scrub again: ")[2])
        await there.close()
        assert (await scrub(url, tmp_path))["left"] == []


@contextlib.asynccontextmanager
async def own_database_at(port: int) -> AsyncIterator[tuple[asyncpg.Connection, str]]:
    """The owner of a new database, and its URL. The server stops only when no connection is left."""
    superuser = await as_superuser(port)
    await superuser.execute("CREATE ROLE owner_of_words LOGIN PASSWORD 'of the owner'")
    await superuser.execute("CREATE DATABASE words OWNER owner_of_words")
    url = f"postgresql://owner_of_words:of%20the%20owner@127.0.0.1:{port}/words"
    owner = await asyncpg.connect(url)
    try:
        yield owner, url
    finally:
        await owner.close()
        await superuser.close()


async def test_statistics_that_others_want_of_words_are_named_and_those_of_other_columns_are_not(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    await connection.execute("CREATE STATISTICS of_counts ON member_count, message_count FROM rooms")
    await connection.execute("CREATE INDEX by_hour ON rooms (date_trunc('hour', opened_at, 'UTC'))")
    assert (await scrub(database_url, tmp_path))["left"] == []
    await connection.execute("CREATE STATISTICS of_names ON name, member_count FROM rooms")
    await connection.execute("CREATE INDEX found_by ON bodies (to_tsvector('simple', content))")
    left = (await scrub(database_url, tmp_path))["left"]
    assert left[0] == "statistics object public.of_names on rooms may hold words: drop it"
    advice = left[1].partition("may hold words: ")[2]
    await connection.execute(advice)
    await connection.execute("DROP STATISTICS of_names")
    assert (await scrub(database_url, tmp_path))["left"] == []


async def test_posts_during_a_scrub_are_answered_and_recorded(database_url: str, tmp_path: Path) -> None:
    async with open_store(database_url, timeout_s=30) as store:
        room = await store.open_room()
        scrubbing = asyncio.create_task(scrub(database_url, tmp_path))
        posted = 0
        while not scrubbing.done():
            await store.chat.post_message(PostMessage(room, ADA, f"meanwhile {posted}"))
            posted += 1
        assert (await scrubbing)["left"] == []
        assert posted > 1
        assert await store.versions(room) == list(range(1, posted + 3))
        assert await store.database.fetchval("SELECT count(*) FROM bodies") == posted + 1


async def test_a_replication_slot_that_keeps_the_log_is_named(own_postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    superuser = await asyncpg.connect(own_postgres.dsn)
    await superuser.execute("SELECT pg_create_physical_replication_slot('far_behind', true)")
    said = await scrub(own_postgres.dsn, tmp_path, "--wait", "1")
    assert len(said["left"]) == 1
    assert "replication slot far_behind has not got beyond" in said["left"][0]
    assert any("far_behind" in line for line in said["beyond_reach"])
    await superuser.execute("SELECT pg_drop_replication_slot('far_behind')")
    assert (await scrub(own_postgres.dsn, tmp_path))["left"] == []
    await superuser.close()


async def test_files_that_a_crash_left_are_named(
    own_postgres: EmbeddedPostgres, postgres_folder: Path, tmp_path: Path
) -> None:
    superuser = await asyncpg.connect(own_postgres.dsn)
    place = f"base/{await superuser.fetchval('SELECT oid FROM pg_database WHERE datname = current_database()')}/98765"
    file = postgres_folder / "postgres" / place
    file.write_bytes(b"words of before")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    said = await scrub(own_postgres.dsn, tmp_path)
    assert said["left"] == [f"{place}, 15 bytes, belongs to no table: remove it while the server is stopped"]
    file.unlink()
    assert (await scrub(own_postgres.dsn, tmp_path))["left"] == []
    await superuser.close()


async def test_what_is_beyond_its_reach_follows_from_the_settings(postgres_folder: Path, tmp_path: Path) -> None:
    options = {"archive_mode": "on", "archive_command": "true", "log_min_duration_statement": "0"}
    async with own_postgres_in(postgres_folder, **options) as server:
        said = await scrub(server.dsn, tmp_path)
        assert said["left"] == []
        applies = [
            line for line in said["beyond_reach"] if "archive_mode" in line or "log_min_duration_statement" in line
        ]
        assert len(applies) == 2
    async with own_postgres_in(postgres_folder) as server:
        said = await scrub(server.dsn, tmp_path)
        assert not any("archive" in line or "log_min" in line for line in said["beyond_reach"])


async def test_a_redis_that_cannot_be_asked_is_named_without_its_password(database_url: str, tmp_path: Path) -> None:
    for url in ("redis://:secret@127.0.0.1:1", "http://:secret@127.0.0.1", "redis://:secret@127.0.0.1:x"):
        said = await scrub(database_url, tmp_path, "--redis", url)
        assert len(said["left"]) == 1, said
        assert said["left"][0].startswith("Redis at 127.0.0.1: ")
        assert "secret" not in json.dumps(said)


def as_role(role: str, url: str) -> str:
    """The same database for another role."""
    return f"postgresql://{role}@{url.partition('@')[2]}"
