"""The service behind a real pgbouncer: all of it with session pooling; with transaction pooling it does not start."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from postgres.connect import connect
from tests.conftest import scratch_folder
from tests.support.conditions import eventually
from tests.support.people import Person
from tests.support.pgbouncer import needs_pgbouncer, pgbouncer
from tests.support.realtime import server as realtime
from tests.support.serving import ONRECORD, serving

pytestmark = needs_pgbouncer

SETTINGS = {"application_name": "a test", "lock_timeout": "1234ms", "jit": "off", "search_path": "elsewhere, public"}


@pytest.fixture
async def pooled_url(database_url: str) -> AsyncIterator[str]:
    async with pgbouncer(database_url) as url:
        yield url


async def onrecord(database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, without any other setting."""

    def run() -> subprocess.CompletedProcess[str]:
        with scratch_folder() as folder:
            environment = {"PATH": os.environ["PATH"], "DATABASE_URL": database_url, "DATA_DIR": str(folder)}
            return subprocess.run([ONRECORD, *arguments], env=environment, capture_output=True, text=True, timeout=60)

    return await asyncio.to_thread(run)


async def test_settings_hold_for_a_connection_and_leave_nothing_for_the_next(pooled_url: str) -> None:
    with_settings = await connect(pooled_url, SETTINGS)
    assert {name: await with_settings.fetchval(f"SHOW {name}") for name in SETTINGS} == SETTINGS
    pid = await with_settings.fetchval("SELECT pg_backend_pid()")
    await with_settings.close()
    plain = await connect(pooled_url, {})
    assert await plain.fetchval("SELECT pg_backend_pid()") == pid, "pgbouncer gives the same session to the next client"
    assert await plain.fetchval("SHOW lock_timeout") == "0"
    await plain.close()


async def test_two_servers_post_publish_and_hand_over_behind_session_pooling(
    pooled_url: str, database_url: str, tmp_path: Path
) -> None:
    admin = await asyncpg.connect(database_url)
    async with contextlib.AsyncExitStack() as running:
        hub = running.enter_context(realtime.running("hub", tmp_path, realtime.configuration()))
        environment = {"DATABASE_URL": pooled_url, **hub.app_environment}
        one, two = [await running.enter_async_context(serving(**environment)) for _ in range(2)]
        ada, elsewhere = [await running.enter_async_context(Person(each.url)) for each in (one, two)]
        await ada.sign_up("ada")
        await elsewhere.get_csrf()
        await elsewhere.log_in("ada")
        room = await ada.open_room("Engines")
        for number in range(10):
            person = (ada, elsewhere)[number % 2]
            answer = await person.post(f"/api/rooms/{room}/messages/", {"content": str(number)})
            assert answer.status == 201, answer.raw
        head = answer.position

        async def is_published() -> bool:
            return bool(await admin.fetchval("SELECT min(position) = $1 FROM fanout_lanes", head))

        await eventually(is_published)
        assert (await ada.post("/api/sessions/end-all/", {})).status == 200  # announced by NOTIFY, heard by LISTEN

        async def is_out() -> bool:
            return (await elsewhere.get("/api/rooms/")).status == 403

        await eventually(is_out)
        one.process.kill()  # whichever holds the lane, it is held again
        await one.process.wait()
        await elsewhere.log_in("ada")
        head = (await elsewhere.post(f"/api/rooms/{room}/messages/", {"content": "after"})).position
        await eventually(is_published)
        for arguments in (("projections", "verify"), ("projections", "rebuild"), ("projections", "status")):
            done = await onrecord(pooled_url, *arguments)
            assert done.returncode == 0, done.stderr
    await admin.close()


async def test_the_schema_is_made_behind_session_pooling(database_url: str) -> None:
    admin = await asyncpg.connect(database_url)
    await admin.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await admin.close()
    async with pgbouncer(database_url) as url:
        made = await onrecord(url, "db", "init")
        assert (made.returncode, made.stderr) == (0, "")
        assert made.stdout.endswith("the schema is up to date\n")


@pytest.mark.parametrize("pool_mode", ["transaction", "statement"])
async def test_a_pooler_that_shares_sessions_is_refused_in_one_line(database_url: str, pool_mode: str) -> None:
    async with pgbouncer(database_url, pool_mode=pool_mode) as url:
        for command in (("serve",), ("db", "init"), ("projections", "rebuild")):
            refused = await onrecord(url, *command)
            assert (refused.returncode, refused.stdout) == (1, "")
            assert refused.stderr == (
                "Error: the connection pooler lets clients share a session of PostgreSQL: set pool_mode=session\n"
            )
