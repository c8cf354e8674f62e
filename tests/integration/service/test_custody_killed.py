"""A command of custody that is killed at any step leaves its event, its row and its words, or none of them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from api.wiring import create_fold
from replay.rebuild.verify import verify
from tests.support.conditions import eventually
from tests.support.custody import place
from tests.support.store import append_lock_held, open_store

PROGRAM = "from cli.main import main; main()"
COMMITTING = 4711
WAITS_AT_COMMIT = f"""
CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_advisory_xact_lock_shared({COMMITTING});
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER waits_at_commit AFTER INSERT ON stored_events
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit();
"""
WAITING = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"

COMMANDS = {
    "hold_placed": ("hold", "place", "--case", "Ada v Bob", "--user", "1"),
    "hold_ended": ("hold", "end", "2"),
    "retention_set": ("retention", "set", "--keep", "30"),
}
ROWS = {
    "hold_placed": "SELECT count(*) FROM holds WHERE person_id = 1",
    "hold_ended": "SELECT count(*) FROM holds WHERE ended_version IS NOT NULL",
    "retention_set": "SELECT count(*) FROM retention_rules WHERE ended_version IS NULL",
}
WORDS = "SELECT count(*) FROM bodies WHERE content LIKE '%asked for'"
EVENTS = "SELECT count(*) FROM stored_events WHERE topic = $1"
AGAIN = {"hold_placed": (0, 2), "hold_ended": (1, 1), "retention_set": (1, 1)}
"""What a repeat after the command took effect ends with, and how many such events there are then."""


@pytest.fixture
async def psql(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


class Killed:
    """A command in a process of its own."""

    def __init__(self, topic: str, dsn: str, data_dir: Path, psql: asyncpg.Connection) -> None:
        self._topic = topic
        self._environment = {**os.environ, "DATABASE_URL": dsn, "DATA_DIR": str(data_dir)}
        self._words = (*COMMANDS[topic], "--why", "asked for")
        self._psql = psql

    async def start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM,
            *self._words,
            env=self._environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def kill_when_it_waits(self) -> None:
        process = await self.start()
        await eventually(self._is_waiting)
        assert process.returncode is None
        process.kill()
        await process.wait()

    async def repeat(self) -> int:
        return await (await self.start()).wait()

    async def state(self) -> tuple[int, int, int]:
        """Events, rows, and words of such commands."""
        counts = [
            await self._psql.fetchval(EVENTS, self._topic),
            await self._psql.fetchval(ROWS[self._topic]),
            await self._psql.fetchval(WORDS),
        ]
        return counts[0], counts[1], counts[2]

    async def _is_waiting(self) -> bool:
        return bool(await self._psql.fetchval(WAITING))


@pytest.mark.parametrize("topic", COMMANDS)
async def test_a_command_that_is_killed_leaves_all_or_nothing(
    psql: asyncpg.Connection, database_url: str, tmp_path: Path, topic: str
) -> None:
    async with open_store(database_url) as store:
        room = await store.open_room("General")
        if topic == "hold_ended":
            assert await place(store, room_id=room) == 2
    command = Killed(topic, database_url, tmp_path, psql)

    # before it may append
    async with append_lock_held(database_url):
        await command.kill_when_it_waits()
    assert await command.state() == (0, 0, 0)

    # while it commits: PostgreSQL goes on with what it was told
    await psql.execute(WAITS_AT_COMMIT)
    holder = await asyncpg.connect(database_url)
    await holder.execute(f"SELECT pg_advisory_lock({COMMITTING})")
    await command.kill_when_it_waits()
    assert await command.state() == (0, 0, 0)
    await holder.close()

    async def is_done() -> bool:
        return await command.state() == (1, 1, 1)

    await eventually(is_done)
    await psql.execute("DROP FUNCTION wait_at_commit CASCADE")

    code, events = AGAIN[topic]
    assert await command.repeat() == code
    assert await command.state() == (events, events, events)
    assert (await verify(create_fold(), database_url, lambda _: None)).differences == []


@pytest.mark.parametrize("topic", COMMANDS)
async def test_a_command_that_is_killed_before_it_is_among_the_actions_did_nothing(
    psql: asyncpg.Connection, database_url: str, tmp_path: Path, topic: str
) -> None:
    async with open_store(database_url) as store:
        room = await store.open_room("General")
        if topic == "hold_ended":
            await place(store, room_id=room)
    command = Killed(topic, database_url, tmp_path, psql)
    holder = await asyncpg.connect(database_url)
    async with holder.transaction():
        await holder.execute("LOCK TABLE operator_actions IN EXCLUSIVE MODE")
        await command.kill_when_it_waits()
    await holder.close()
    assert await command.state() == (0, 0, 0)
    assert await psql.fetchval("SELECT count(*) FROM operator_actions") == 0
    assert await command.repeat() == 0
    assert await command.state() == (1, 1, 1)
    assert await psql.fetchval("SELECT count(*) FROM operator_actions") == 1
