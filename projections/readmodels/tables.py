"""The tables of the read models that are folded inline, and the rows of one room in those of rooms."""

from collections.abc import Sequence

import asyncpg

from domain.values import RoomId
from eventstore import checkpoints
from eventstore.log import TABLE as LOG
from projections.readmodels.custody import tables as custody
from projections.readmodels.discussion import tables as discussion

LIVE = "public"
"""The schema of the live tables."""

ROOM_KEYS = {
    "rooms": ("room_id",),
    "memberships": ("room_id", "user_id", "joined_version"),
    "messages": ("room_id", "version"),
    "authors": ("room_id", "user_id"),
    "former_names": ("room_id", "until_version"),  # of room_renamed
    "erasures": ("room_id", "version"),  # of content_erased
    "former_access": ("room_id", "until_version"),  # of visibility_changed and history_changed
    "room_invitations": ("room_id", "invited_version"),
    "invitation_links": ("room_id", "made_version"),
    "governance": ("room_id", "version"),  # of what owners and moderators decide
    **discussion.KEYS,
}
"""The primary key of each table whose rows are about one room."""

ROOM_TABLES = tuple(ROOM_KEYS)

KEYS = {**ROOM_KEYS, **custody.KEYS}
"""The primary key of each table."""

TABLES = tuple(KEYS)

COUNTED = {
    "messages": "message_count",
    "authors": "message_count",
    "former_names": "rename_count",
    "erasures": "erased_count",
    "former_access": "access_count",
    "room_invitations": "invitation_count",
    "invitation_links": "link_count",
    "governance": "decision_count",
    **discussion.COUNTED,
}
"""The column of `rooms` that says whether a room has rows in each table."""

EXPECTED = {
    "rooms": f"SELECT EXISTS (SELECT FROM {checkpoints.TABLE} WHERE projection = 'rooms' AND position > 0)"
    f" AND EXISTS (SELECT FROM {LOG} WHERE topic = 'room_opened')",
    "memberships": f"SELECT EXISTS (SELECT FROM {LIVE}.rooms)",  # its opener is a member
    **custody.EXPECTED,
}
"""SQL for whether each other table has rows."""

NAMES = """
SELECT room_id, name_version, name FROM rooms WHERE people IS NULL
UNION ALL SELECT room_id, name_version, name FROM former_names
"""
"""SQL for the events that named rooms."""

DECISIONS = """
SELECT room_id, version, words FROM governance WHERE aspect <> 'archive' AND (aspect <> 'topic' OR is_set)
"""
"""SQL for the decisions of owners and moderators that have words."""

WORDED = f"""
SELECT room_id, version, content FROM messages
UNION ALL {NAMES}
UNION ALL SELECT DISTINCT ON (room_id, erased_version) room_id, erased_version, why FROM erasures
UNION ALL SELECT room_id, version, words FROM ({DECISIONS}) AS decided
UNION ALL {discussion.WORDED}
"""
"""SQL for the events that have words, one a row: a message, the opening of a room, each renaming, which made a
former name, the reason of an erasure, topics, the reasons of decisions about members, an edit, the reason of a
retraction. The words are null where they stand apart from the log.
"""


FILLED = """
SELECT attname FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""


async def replace_room(room_id: RoomId, connection: asyncpg.Connection, *, source: str) -> None:
    """Replace the live rows of one room with those in the schema `source`, whose tables hold only this room."""
    for table in ROOM_TABLES:
        await connection.execute(remove_wrong(table, source), room_id)
        await connection.execute(add_missing(table, source, await filled_columns(table, connection)))


async def filled_columns(table: str, connection: asyncpg.Connection) -> list[str]:
    """The columns of a live table that a fold may fill: all but those that PostgreSQL computes."""
    return [row["attname"] for row in await connection.fetch(FILLED, f"{LIVE}.{table}")]


def remove_wrong(table: str, source: str) -> str:
    """SQL: deletes the live rows of a room that are missing or different in `source`."""
    same_key = " AND ".join(f"wanted.{column} = live.{column}" for column in KEYS[table])
    return f"""
        DELETE FROM {LIVE}.{table} AS live WHERE room_id = $1 AND NOT EXISTS (
            SELECT FROM {source}.{table} AS wanted WHERE {same_key} AND wanted IS NOT DISTINCT FROM live)
    """


def add_missing(table: str, source: str, columns: Sequence[str]) -> str:
    """SQL: inserts the rows of `source` that are not live."""
    key = ", ".join(KEYS[table])
    filled = ", ".join(f'"{column}"' for column in columns)
    return f"INSERT INTO {LIVE}.{table} ({filled}) SELECT {filled} FROM {source}.{table} ON CONFLICT ({key}) DO NOTHING"
