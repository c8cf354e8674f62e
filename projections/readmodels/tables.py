"""The tables that RoomsProjection keeps, and the rows of one room in them."""

import asyncpg

from domain.values import RoomId

LIVE = "public"
"""The schema of the live tables."""

KEYS = {
    "rooms": ("room_id",),
    "memberships": ("room_id", "user_id", "joined_version"),
    "messages": ("room_id", "version"),
    "former_names": ("room_id", "until_version"),  # of room_renamed
}
"""The primary key of each table."""

TABLES = tuple(KEYS)


async def replace_room(room_id: RoomId, connection: asyncpg.Connection, *, source: str) -> None:
    """Replace the live rows of one room with those in the schema `source`, whose tables hold only this room."""
    for table in TABLES:
        await connection.execute(remove_wrong(table, source), room_id)
        await connection.execute(add_missing(table, source))


def remove_wrong(table: str, source: str) -> str:
    """SQL: deletes the live rows of a room that are missing or different in `source`."""
    same_key = " AND ".join(f"wanted.{column} = live.{column}" for column in KEYS[table])
    return f"""
        DELETE FROM {LIVE}.{table} AS live WHERE room_id = $1 AND NOT EXISTS (
            SELECT FROM {source}.{table} AS wanted WHERE {same_key} AND wanted IS NOT DISTINCT FROM live)
    """


def add_missing(table: str, source: str) -> str:
    """SQL: inserts the rows of `source` that are not live."""
    key = ", ".join(KEYS[table])
    return f"INSERT INTO {LIVE}.{table} SELECT * FROM {source}.{table} ON CONFLICT ({key}) DO NOTHING"
