"""Which is the direct conversation of some people: the answers to `DirectRoomOf`."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from domain.questions import DirectRoomOf
from domain.room import Room
from domain.values import RoomId, UserId
from eventstore.inline_projection import Facts

# Lists of people come as text: an array of arrays would have to be a rectangle. The oldest room counts, should another
# application have opened several.
DIRECT = """
SELECT DISTINCT ON (people) people, room_id
FROM rooms JOIN (SELECT DISTINCT each::bigint[] AS people FROM unnest($1::text[]) AS each) AS asked USING (people)
ORDER BY people, opened_at, room_id
"""

People = tuple[UserId, ...]


class DirectFacts:
    """The direct conversations that were asked for."""

    def __init__(self, rooms: dict[People, RoomId]) -> None:
        self._rooms = rooms

    @classmethod
    async def read(cls, questions: Sequence[DirectRoomOf], connection: asyncpg.Connection) -> Facts:
        """Read those that there are."""
        asked = ["{" + ",".join(map(str, question.people)) + "}" for question in questions]
        rows = await connection.fetch(DIRECT, asked)
        return cls({tuple(row["people"]): RoomId(row["room_id"]) for row in rows})

    def answer(self, question: DirectRoomOf) -> RoomId | None:
        """The conversation of these people now."""
        return self._rooms.get(question.people)

    def add(self, event: Any) -> None:
        """The batch may open one."""
        if isinstance(event, Room.RoomOpened) and event.people is not None:
            people = tuple(UserId(person) for person in event.people)
            self._rooms.setdefault(people, RoomId(event.originator_id))
