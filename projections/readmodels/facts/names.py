"""Who has a name: the answers to `WhoHasName`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from domain.questions import NameHolder, WhoHasName
from domain.room import Room
from eventstore import words
from eventstore.inline_projection import Facts

NAMES_NOW = f"""
SELECT room_id, visibility, coalesce(name_key, key) AS key, coalesce(name, content) AS name
FROM rooms {words.join("room_id", "name_version")}
LEFT JOIN {words.COMPARED} AS compared ON compared.stream = room_id AND compared.version = name_version
"""
OWN_KEYS = f"SELECT key FROM ({NAMES_NOW}) AS named WHERE room_id = ANY($1) AND key IS NOT NULL"

# The rooms that have, or had, these names, and those that ask.
HOLDERS = f"""
{NAMES_NOW} WHERE room_id IN (
    SELECT room_id FROM rooms WHERE name_key = ANY($1)
    UNION ALL SELECT stream FROM {words.COMPARED} WHERE key = ANY($1)
    UNION ALL SELECT unnest($2::uuid[]))
"""


class NameFacts:
    """Which public rooms have the names that were asked for, and which names the rooms have that ask."""

    def __init__(self, names: dict[UUID, tuple[str, str]], closed: set[UUID]) -> None:
        self._names = names
        """Of each room, the key and the text of its name."""
        self._closed = closed
        """Those of the rooms that are not public."""

    @classmethod
    async def read(cls, questions: Sequence[WhoHasName], connection: asyncpg.Connection) -> Facts:
        """Another application may have given several rooms the same name."""
        keys = [question.name_key for question in questions if question.name_key is not None]
        if len(keys) < len(questions):
            own = [question.room_id for question in questions if question.name_key is None]
            keys += [row["key"] for row in await connection.fetch(OWN_KEYS, own)]
        rows = await connection.fetch(HOLDERS, keys, [question.room_id for question in questions])
        names = {row["room_id"]: (row["key"], row["name"]) for row in rows if row["key"] is not None}
        return cls(names, {row["room_id"] for row in rows if row["visibility"] != "public"})

    def answer(self, question: WhoHasName) -> NameHolder:
        """Who has a name now."""
        key, name = self._names.get(question.room_id, (None, None))
        asked = question.name_key if question.name_key is not None else key
        holders = {room_id for room_id, (held, _) in self._names.items() if held == asked}
        return NameHolder(not holders - self._closed <= {question.room_id}, name if key == asked else None)

    def add(self, event: Any) -> None:
        """A room that is given a name gives up the one that it had. Only public rooms keep names from others."""
        name = event.text
        if name is not None and (key := event.compared(name)) is not None:
            self._names[event.originator_id] = (key, name)
        if isinstance(event, Room.RoomOpened | Room.VisibilityChanged):
            if event.visibility == "public":
                self._closed.discard(event.originator_id)
            else:
                self._closed.add(event.originator_id)
