"""Which version of the fold made the rows of a projection. A rebuild puts the version in force whose rows go live."""

from pathlib import Path

import asyncpg

from eventstore.errors import NewerFold

FUNCTIONS = Path(__file__).with_name("fold_version.sql")
"""The function that this module calls."""

TABLE = "fold_versions"

SETTING = "onrecord.fold_version"
"""The setting by which a session says which version of the fold its program has; without it, 1."""


async def in_force(projection: str, connection: asyncpg.Connection, *, schema: str) -> int:
    """The version that made the rows."""
    sql = f"SELECT coalesce(max(version), 0) FROM {schema}.{TABLE} WHERE projection = $1"
    return int(await connection.fetchval(sql, projection))


async def refuse_older(projection: str, fold_number: int, connection: asyncpg.Connection, *, schema: str) -> None:
    """Raises NewerFold when the rows are those of a newer program."""
    newer = await in_force(projection, connection, schema=schema)
    if newer > fold_number:
        raise NewerFold(f"version {newer} of the fold is in force, this program has version {fold_number}")


async def put_in_force(projection: str, fold_number: int, connection: asyncpg.Connection) -> None:
    """Programs with a lower version fold and append no more. Changes the table that the connection finds first."""
    await connection.execute("SELECT put_fold_in_force($1, $2)", projection, fold_number)
