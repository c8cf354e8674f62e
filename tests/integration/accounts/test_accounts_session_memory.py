"""What a process remembers of sessions, and what housekeeping removes: the parts that no request can show alone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from api.accounts.sessions import CHANNEL, Sessions
from api.settings import Settings
from api.wiring import create_sessions, open_database
from domain.values import UserId
from projections.readmodels.shapes import User
from tests.integration.conftest import StartServer, Visit
from tests.support.conditions import eventually

ADA = User(UserId(1), "ada")


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def sessions(database_url: str, admin: asyncpg.Connection) -> AsyncIterator[Sessions]:
    """The sessions of one process, which hears nothing yet."""
    await admin.execute("INSERT INTO users (username, username_key, password_hash) VALUES ('ada', 'ada', '')")
    settings = Settings(database_url=database_url, session_cache_s=1000)
    async with open_database(settings) as database:
        yield create_sessions(settings, database)


@contextlib.asynccontextmanager
async def listening(sessions: Sessions) -> AsyncIterator[None]:
    """While the process hears what others announce."""

    async def is_listening() -> bool:
        return sessions.announcements.is_listening

    task = asyncio.create_task(sessions.announcements.run())
    await eventually(is_listening)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_nothing_is_remembered_while_nothing_is_heard(sessions: Sessions) -> None:
    token = await sessions.open(ADA)
    assert await sessions.find(token) is not None
    async with listening(sessions):
        assert sessions.cached(token) is None
        session = await sessions.find(token)
        assert session is not None
        assert sessions.cached(token) == session
    assert sessions.cached(token) is None
    async with listening(sessions):
        assert sessions.cached(token) is None


async def test_a_session_that_may_have_ended_while_it_was_looked_up_is_not_remembered(
    sessions: Sessions, admin: asyncpg.Connection, database_url: str
) -> None:
    async with listening(sessions):
        looked_up, other = await sessions.open(ADA), await sessions.open(ADA)
        witness = await sessions.find(other)
        assert witness is not None
        assert sessions.cached(other) == witness
        await admin.execute("UPDATE sessions SET seen_at = now() - interval '1 hour'")

        row_is_locked = admin.transaction()
        await row_is_locked.start()
        await admin.execute("SELECT FROM sessions FOR UPDATE")
        looking = asyncio.create_task(sessions.find(looked_up))

        async def is_looking() -> bool:
            return bool(await admin.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

        await eventually(is_looking)
        elsewhere = await asyncpg.connect(database_url)
        await elsewhere.execute(f"NOTIFY {CHANNEL}, '{witness.token_hash.hex()}'")
        await elsewhere.close()

        async def is_heard() -> bool:
            return sessions.cached(other) is None

        await eventually(is_heard)
        await row_is_locked.rollback()
        assert await looking is not None
        assert sessions.cached(looked_up) is None


async def test_housekeeping_removes_what_is_over_and_nothing_else(
    start_server: StartServer, visit: Visit, admin: asyncpg.Connection
) -> None:
    ada = await visit("ada", at=await start_server(housekeeping_every_s=0.02))
    room = await ada.open_room("Engines")
    for key in ("old", "new"):
        await ada.post(f"/api/rooms/{room}/messages/", {"content": key}, headers={"Idempotency-Key": key})
    for column in ("idle_expires_at", "expires_at"):
        await admin.execute(
            "INSERT INTO sessions SELECT sha256($1), user_id, created_at, seen_at, idle_expires_at, expires_at"
            " FROM sessions LIMIT 1",
            column.encode(),
        )
        await admin.execute(f"UPDATE sessions SET {column} = now() WHERE token_hash = sha256($1)", column.encode())
    await admin.execute("UPDATE idempotency_keys SET recorded_at = now() - interval '8 days' WHERE key = 'old'")

    async def is_clean() -> bool:
        keys = await admin.fetchval("SELECT array_agg(key) FROM idempotency_keys")
        sessions = await admin.fetchval("SELECT count(*) FROM sessions")
        return (keys, sessions) == (["new"], 1)

    await eventually(is_clean)
    assert (await ada.get("/api/rooms/")).status == 200
