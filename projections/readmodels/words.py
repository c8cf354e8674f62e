"""Words in queries: those that stand apart from the log are joined, those in the log itself are in the rows.

What is shown in the place of erased words is decided here.
"""

import asyncpg
from msgspec import UNSET, UnsetType

from eventstore.words import COMPARED, join
from projections.readmodels.shapes import WITHOUT_CONTENT, ErasedContent, timestamp


def shown(words: str, row: str) -> str:
    """SQL: the words from a `join`, or else those in a row's own column; null where they are absent."""
    return f"coalesce({words}.content, {row})"


def erasure(room: str, version: str, alias: str = "erasure") -> str:
    """SQL: joins when and why the words of a version were erased, given by expressions for it and its room."""
    return f"""
LEFT JOIN erasures AS {alias} ON {alias}.room_id = {room} AND {alias}.version = {version}
{join(f"{alias}.room_id", f"{alias}.erased_version", f"{alias}_why")}
"""


def erasure_columns(prefix: str = "", alias: str = "erasure") -> str:
    """SQL: the columns of an `erasure` for `erased`."""
    return f"{alias}.erased_at AS {prefix}erased_at, {shown(f'{alias}_why', f'{alias}.why')} AS {prefix}erased_why"


def words_of(row: asyncpg.Record, prefix: str = "") -> tuple[str, ErasedContent | UnsetType]:
    """The content of a row with the columns of its words and of their erasure, and that they were erased if so."""
    content = row[f"{prefix}content"]
    return (content, UNSET) if content is not None else ("", erased_of(row, prefix))


def erased_of(row: asyncpg.Record, prefix: str = "") -> ErasedContent:
    """When and why absent words were erased, from the columns of their erasure."""
    at = row[f"{prefix}erased_at"]
    return ErasedContent(timestamp(at), row[f"{prefix}erased_why"] or "") if at is not None else WITHOUT_CONTENT


NAMED = join("rooms.room_id", "rooms.name_version", "named")
"""SQL: joins the name of a row of `rooms`."""

NAME = f"coalesce({shown('named', 'rooms.name')}, '')"
"""SQL: that name; empty in a copy of the log without its words. A name that a room has cannot be erased."""

TITLED = f"""
LEFT JOIN governance AS topic ON topic.room_id = rooms.room_id AND topic.version = rooms.topic_version
{join("rooms.room_id", "rooms.topic_version", "titled")}
"""
"""SQL: joins the topic of a row of `rooms`."""

TOPIC_COLUMNS = f"coalesce({shown('titled', 'topic.words')}, '') AS topic, rooms.topic_version IS NOT NULL AS has_topic"
"""SQL: that topic; empty where its words were erased."""

COMPARED_NAME = f"""
LEFT JOIN {COMPARED} AS compared ON compared.stream = rooms.room_id AND compared.version = rooms.name_version
"""
"""SQL: joins the key of that name."""

NAME_KEY = "coalesce(compared.key, rooms.name_key, '')"
