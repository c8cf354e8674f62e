"""Who has a name: the answers to `WhoHasName`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from domain.questions import NameHolder, WhoHasName
from eventstore import words
from eventstore.inline_projection import Facts

HOLDERS = f"""
SELECT name_key, room_id, name FROM rooms WHERE name_key = ANY($1)
UNION ALL
SELECT key, room_id, content FROM {words.COMPARED} JOIN {words.TABLE} USING (stream, version)
JOIN rooms ON room_id = stream AND name_version = {words.TABLE}.version
WHERE key = ANY($1)
"""


class NameFacts:
    """Which rooms have the names that were asked for, with the text of each."""

    def __init__(self, holders: dict[str, dict[UUID, str]]) -> None:
        self._holders = holders

    @classmethod
    async def read(cls, questions: Sequence[WhoHasName], connection: asyncpg.Connection) -> Facts:
        """Another application may have given several rooms the same name."""
        holders: dict[str, dict[UUID, str]] = {question.name_key: {} for question in questions}
        for key, room_id, name in await connection.fetch(HOLDERS, list(holders)):
            holders[key][room_id] = name
        return cls(holders)

    def answer(self, question: WhoHasName) -> NameHolder:
        """Who has a name now."""
        held_by = self._holders[question.name_key]
        return NameHolder(not held_by.keys() <= {question.room_id}, held_by.get(question.room_id))

    def add(self, event: Any) -> None:
        """A room that is given a name gives up the one that it had."""
        name = event.text
        if name is not None and (key := event.compared(name)) is not None:
            for rooms in self._holders.values():
                rooms.pop(event.originator_id, None)
            if key in self._holders:
                self._holders[key][event.originator_id] = name
