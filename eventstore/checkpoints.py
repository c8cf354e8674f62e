"""Checkpoints: how far each projection has folded the log. They move in the transaction that writes its rows."""

import asyncpg

from eventstore.values import Position

TABLE = "checkpoints"

MOVE = f"""
INSERT INTO {TABLE} (projection, position) VALUES ($1, $2)
ON CONFLICT (projection) DO UPDATE SET position = excluded.position
"""


def position_of(projection: str = "$1", *, schema: str | None = None) -> str:
    """SQL for the position up to which a projection has folded the log; 0 before its first fold.

    `projection` is SQL for its name. `schema` says whose table it is; otherwise the search path decides.
    """
    table = f"{schema}.{TABLE}" if schema is not None else TABLE
    return f"coalesce((SELECT position FROM {table} WHERE projection = {projection}), 0)"


async def read(projection: str, connection: asyncpg.Connection, *, schema: str | None = None) -> Position:
    """The position up to which `projection` has folded the log; 0 before its first fold."""
    return Position(await connection.fetchval(f"SELECT {position_of(schema=schema)}", projection))


async def move(projection: str, position: Position, connection: asyncpg.Connection) -> None:
    """Record in the caller's transaction that `projection` has folded everything up to `position`."""
    await connection.execute(MOVE, projection, position)
