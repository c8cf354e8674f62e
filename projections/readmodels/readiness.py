"""Whether the read models can be read and written by this program."""

from collections.abc import Collection

import asyncpg

from projections.readmodels import fold_version
from projections.readmodels.projection import RoomsProjection
from projections.readmodels.tables import COUNTED, EXPECTED, LIVE, TABLES

MISSING = f"SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass('{LIVE}.' || name) IS NULL"
EMPTY = " UNION ALL ".join(f"SELECT '{table}' WHERE NOT EXISTS (SELECT FROM {LIVE}.{table})" for table in TABLES)


async def find_wrong_tables(connection: asyncpg.Connection) -> str | None:
    """What is wrong with the tables, in one line that says what to do; None when nothing is."""
    in_force = await fold_version.in_force(RoomsProjection.name, connection, schema=LIVE)
    if in_force > RoomsProjection.version:
        return f"version {in_force} of the fold is in force, this program has {RoomsProjection.version}: replace it"
    if missing := {row[0] for row in await connection.fetch(MISSING, TABLES)}:
        return f"the table {_first(missing)} is missing: run `onrecord projections rebuild`"
    empty = {row[0] for row in await connection.fetch(EMPTY)}
    if lost := await _expected(empty, connection):
        return f"the table {_first(lost)} is empty: run `onrecord projections rebuild`"
    return None


async def _expected(empty: Collection[str], connection: asyncpg.Connection) -> set[str]:
    """Those of the empty tables that must have rows. All that rooms count is asked for in one look through them."""
    found = {table for table in EXPECTED.keys() & empty if await connection.fetchval(EXPECTED[table])}
    if counted := sorted(COUNTED.keys() & empty):
        counts = ", ".join(f"bool_or({COUNTED[table]} > 0)" for table in counted)
        row = await connection.fetchrow(f"SELECT {counts} FROM {LIVE}.rooms")
        found |= {table for table, has_some in zip(counted, row, strict=True) if has_some}
    return found


def _first(tables: Collection[str]) -> str:
    return next(table for table in TABLES if table in tables)
