"""Whether the read models can be read and written by this program."""

import asyncpg

from projections.readmodels import fold_version
from projections.readmodels.projection import RoomsProjection
from projections.readmodels.tables import EXPECTED, LIVE, TABLES

IS_THERE = "SELECT to_regclass($1) IS NOT NULL"
HAS_ROWS = "SELECT EXISTS (SELECT FROM {})"


async def find_wrong_tables(connection: asyncpg.Connection) -> str | None:
    """What is wrong with the tables, in one line that says what to do; None when nothing is."""
    in_force = await fold_version.in_force(RoomsProjection.name, connection, schema=LIVE)
    if in_force > RoomsProjection.version:
        return f"version {in_force} of the fold is in force, this program has {RoomsProjection.version}: replace it"
    for table in TABLES:
        if not await connection.fetchval(IS_THERE, f"{LIVE}.{table}"):
            return f"the table {table} is missing: run `onrecord projections rebuild`"
    for table, expected in EXPECTED.items():
        has_rows = await connection.fetchval(HAS_ROWS.format(f"{LIVE}.{table}"))
        if not has_rows and await connection.fetchval(expected):
            return f"the table {table} is empty: run `onrecord projections rebuild`"
    return None
