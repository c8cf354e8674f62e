"""Words in queries: those that stand apart from the log are joined, those in the log itself are in the rows.

What is shown in the place of erased words is decided here.
"""

from eventstore.words import COMPARED, join


def shown(words: str, row: str) -> str:
    """SQL: the words from a `join`, or else those in a row's own column; empty where they were erased."""
    return f"coalesce({words}.content, {row}, '')"


NAMED = join("rooms.room_id", "rooms.name_version", "named")
"""SQL: joins the name of a row of `rooms`."""

NAME = shown("named", "rooms.name")

COMPARED_NAME = f"""
LEFT JOIN {COMPARED} AS compared ON compared.stream = rooms.room_id AND compared.version = rooms.name_version
"""
"""SQL: joins the key of that name."""

NAME_KEY = "coalesce(compared.key, rooms.name_key, '')"
