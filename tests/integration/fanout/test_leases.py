"""A lane reads the leases that changed since its last look, and no others."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from domain.values import UserId
from postgres.database import Database
from postgres.embedded import EmbeddedPostgres
from postgres.server.programs import program
from projections.fanout.leases import LeaseChanges, Leases, WarmUsers
from tests.conftest import database_named

MAKE_WARM = "INSERT INTO leases (user_id, warm_until) SELECT number, now() + $2 FROM generate_series(1, $1) AS number"
USERS = 100


class Counted:
    """A connection that counts the leases it reads."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self.read = 0

    async def fetch(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self.connection.fetch(sql, *arguments)
        self.read = sum(row["user_id"] is not None for row in rows)
        return rows


@contextlib.asynccontextmanager
async def lane_on(dsn: str) -> AsyncIterator[tuple[WarmUsers, Counted]]:
    """The only lane, which has looked once, and the connection that it looks over."""
    connection = await asyncpg.connect(dsn)
    warm_users, counted = WarmUsers(lane=0, lanes=1), Counted(connection)
    await warm_users.read_changes(counted)
    yield warm_users, counted
    await connection.close()


async def make_warm(database: Database) -> None:
    await database.execute(MAKE_WARM, USERS, timedelta(hours=1))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.connect(database_url, size=4)
    yield opened
    await opened.close()


async def renew(database: Database, user_ids: Iterable[int]) -> None:
    leases = Leases(database, cold_after_s=86400)
    for user_id in user_ids:
        await leases.renew(UserId(user_id), token_ttl_s=300)


async def test_a_first_look_reads_every_open_lease(database: Database, database_url: str) -> None:
    await make_warm(database)
    async with lane_on(database_url) as (warm_users, counted):
        assert counted.read == USERS
        assert all(warm_users.is_warm(UserId(user_id)) for user_id in range(1, USERS + 1))


async def test_a_later_look_reads_what_changed_since(database: Database, database_url: str) -> None:
    await make_warm(database)
    async with lane_on(database_url) as (warm_users, counted):
        assert await warm_users.read_changes(counted) == LeaseChanges([], [])
        assert counted.read == 0
        await renew(database, [USERS + 1])
        assert (await warm_users.read_changes(counted)).warmed == [USERS + 1]
        assert counted.read == 1


async def test_a_writing_transaction_that_stays_open_does_not_make_looks_read_everything(
    database: Database, database_url: str
) -> None:
    blocker = await asyncpg.connect(database_url)
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("CREATE TABLE open_for_long (id integer)")
    await make_warm(database)
    async with lane_on(database_url) as (warm_users, counted):
        for user_id in (USERS + 1, USERS + 2):
            await renew(database, [user_id])
            assert (await warm_users.read_changes(counted)).warmed == [user_id]
            assert counted.read == 1
    await transaction.rollback()
    await blocker.close()


async def test_a_lease_whose_transaction_was_open_at_the_last_look_is_read_once_it_commits(
    database: Database, database_url: str
) -> None:
    writer = await asyncpg.connect(database_url)
    transaction = writer.transaction()
    await transaction.start()
    await writer.execute(MAKE_WARM, 1, timedelta(hours=1))
    async with lane_on(database_url) as (warm_users, counted):
        await renew(database, [2])
        assert (await warm_users.read_changes(counted)).warmed == [2]
        await transaction.commit()
        assert (await warm_users.read_changes(counted)).warmed == [1]
        await warm_users.read_changes(counted)
        assert counted.read == 0
    await writer.close()


def dump_and_restore(source: str, target: str) -> None:
    dump = subprocess.run([program("pg_dump"), "--dbname", source], capture_output=True, check=True)
    psql = [program("psql"), "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", target]
    subprocess.run(psql, input=dump.stdout, stdout=subprocess.DEVNULL, check=True)


async def test_leases_of_a_restored_dump_are_read_once(
    database: Database, database_url: str, postgres: EmbeddedPostgres
) -> None:
    await make_warm(database)
    await database.execute("UPDATE leases SET changed_in = '1000000000'")  # a cluster that has lived for longer
    restored = f"{database_url.partition('@/')[2].partition('?')[0]}_restored"
    await database.execute(f"CREATE DATABASE {restored}")
    url = database_named(restored, postgres)
    await asyncio.to_thread(dump_and_restore, database_url, url)
    async with lane_on(url) as (warm_users, counted):
        assert counted.read == USERS
        elsewhere = await Database.connect(url, size=2)
        for user_id in (USERS + 1, USERS + 2):
            await renew(elsewhere, [user_id])
            assert (await warm_users.read_changes(counted)).warmed == [user_id]
            assert counted.read == 1
        await elsewhere.close()
    await database.execute(f"DROP DATABASE {restored} WITH (FORCE)")
