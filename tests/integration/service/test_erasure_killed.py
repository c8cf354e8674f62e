"""An erasure that is killed at any step leaves its event and no words, or words and no event; the next completes it."""

import asyncio
import fcntl
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from api.wiring import create_fold
from replay.rebuild.verify import verify
from tests.integration.conftest import StartServer
from tests.support.conditions import eventually
from tests.support.people import Person
from tests.support.store import append_lock_held

PROGRAM = "from cli.main import main; main()"
STATE = """
SELECT
    (SELECT count(*) FROM stored_events WHERE topic = 'content_erased') > 0 AS is_recorded,
    (SELECT count(*) FROM bodies WHERE content = 'a telephone number') = 0 AS is_gone
"""
COMMITTING = 4711

WAITS_AT_COMMIT = f"""
CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.topic = 'content_erased' THEN PERFORM pg_advisory_xact_lock_shared({COMMITTING}); END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER waits_at_commit AFTER INSERT ON stored_events
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit();
"""
WAITING = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"


@pytest.fixture
async def psql(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


class Command:
    """`onrecord message erase` in a process of its own."""

    def __init__(self, dsn: str, data_dir: Path, room: str) -> None:
        self._environment = {**os.environ, "DATABASE_URL": dsn, "DATA_DIR": str(data_dir)}
        self._words = ("message", "erase", room, "3", "--why", "asked for", "--yes")

    async def start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, *self._words, env=self._environment, stdout=asyncio.subprocess.DEVNULL
        )

    async def kill_when(self, is_there: Callable[[], Awaitable[bool]]) -> None:
        """Kill the process at a step; it must not have ended by itself."""
        process = await self.start()
        await eventually(is_there)
        assert process.returncode is None
        process.kill()
        await process.wait()

    async def complete(self) -> None:
        process = await self.start()
        assert await process.wait() == 0


async def test_an_erasure_that_is_killed_leaves_both_or_neither(
    ada: Person, start_server: StartServer, psql: asyncpg.Connection, database_url: str, tmp_path: Path
) -> None:
    room = await ada.open_room("General")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": "a telephone number"})
    command = Command(database_url, tmp_path, room)
    ledger = tmp_path.with_name(f"{tmp_path.name}.erasures.jsonl")

    async def is_waiting() -> bool:
        return bool(await psql.fetchval(WAITING))

    async def state() -> tuple[bool, bool]:
        row = await psql.fetchrow(STATE)
        assert row is not None
        return row["is_recorded"], row["is_gone"]

    async def is_done() -> bool:
        return await state() == (True, True)

    # before it may append
    async with append_lock_held(database_url):
        await command.kill_when(is_waiting)
    assert await state() == (False, False)

    # while it commits: PostgreSQL goes on with what it was told
    await psql.execute(WAITS_AT_COMMIT)
    holder = await asyncpg.connect(database_url)
    await holder.execute(f"SELECT pg_advisory_lock({COMMITTING})")
    await command.kill_when(is_waiting)
    assert await state() == (False, False)
    await holder.close()
    await eventually(is_done)
    await psql.execute("DROP FUNCTION wait_at_commit CASCADE")
    assert not ledger.exists()

    # before it has written the ledger
    with ledger.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        async def is_recorded_again() -> bool:
            erasures = "SELECT count(*) FROM stored_events WHERE topic = 'content_erased'"
            return bool(await psql.fetchval(erasures) == 2)

        await command.kill_when(is_recorded_again)
    assert ledger.read_bytes() == b""

    await start_server(data_dir=str(tmp_path))
    assert ledger.read_bytes().count(b"\n") == 1
    await command.complete()
    assert await state() == (True, True)
    assert (await verify(create_fold(), database_url, lambda _: None)).differences == []
