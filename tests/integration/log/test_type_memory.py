"""A process asks the database once about a type of PostgreSQL's own, and on each connection about others."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from postgres.connect import connect
from postgres.database import Database

ARRAYS = "SELECT $1::int8[], $2::uuid[], $3::bytea[], $4::timestamptz[], $5::bool[], $6::int4[]"
VALUES = ([1, None], [UUID(int=1)], [b"\x00", b""], [datetime(2024, 2, 29, tzinfo=UTC)], [True, False], [[1], [2]])


async def answered(connection: asyncpg.Connection, statement: str, *values: Any) -> tuple[list[Any], list[str]]:
    """The first row, and all statements that the driver sent."""
    sent: list[str] = []
    with connection.query_logger(lambda logged: sent.append(logged.query)):
        row = await connection.fetchrow(statement, *values)
    await asyncio.sleep(0)  # the driver tells of statements in the next turn of the loop
    return [*row], sent


async def test_arrays_are_asked_about_on_the_first_connection_only(database_url: str) -> None:
    for is_first in (True, False):
        connection = await connect(database_url)
        row, sent = await answered(connection, ARRAYS, *VALUES)
        assert row == [*VALUES]
        assert is_first or sent == [ARRAYS]
        await connection.close()


async def test_so_it_is_for_connections_of_a_pool(database_url: str) -> None:
    database = await Database.connect(database_url)
    async with database.connection() as one, database.connection() as other:
        await answered(one, ARRAYS, *VALUES)
        row, sent = await answered(other, ARRAYS, *VALUES)
        assert (row, sent) == ([*VALUES], [ARRAYS])
    await database.close()


async def test_some_types_may_be_known_and_others_not(database_url: str) -> None:
    connection = await connect(database_url)
    await answered(connection, ARRAYS, *VALUES)
    point = asyncpg.Point(1, 2)
    row, _ = await answered(connection, "SELECT $1::int8[], $2::point[]", [1], [point])
    assert row == [[1], [point]]
    await connection.close()


async def test_what_a_type_of_the_database_is_each_connection_asks(database_url: str) -> None:
    """Another database has another type under its number, or the same one after a change."""
    first = await connect(database_url)
    for kind, value in (("(amount int8)", (1,)), ("(amount text, unit text)", ("one", "metre"))):
        await first.execute(f"DROP TYPE IF EXISTS size; CREATE TYPE size AS {kind}")
        for _ in (1, 2):
            connection = await connect(database_url)
            row, sent = await answered(connection, "SELECT $1::size[]", [value])
            assert [tuple(size) for size in row[0]] == [value]
            assert len(sent) > 1
            await connection.close()
    await first.close()
