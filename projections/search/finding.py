"""What a reader finds: messages as they are now, that they may read, the newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from msgspec import Struct

from domain.errors import InvalidField
from domain.names import name_key, username_keys
from domain.values import UserId
from eventstore.log import LAST_POSITION
from postgres.database import Database
from projections.readmodels.admission.readable import may_read
from projections.readmodels.discussion.message_rows import extras, message_columns, message_of, text
from projections.readmodels.shapes import Message
from projections.readmodels.words import COMPARED_NAME, NAME, NAME_KEY, NAMED
from projections.search import spans
from projections.search.days import bounds
from projections.search.index import SearchIndex
from projections.search.query import (
    FIELD,
    Phrase,
    SearchQuery,
    any_of,
    condition,
    has_beginning,
    is_of_pairs,
    neighbours,
    pairs_in,
    quoted,
)
from projections.search.rows import by, having, within

PAGE = 50
NEWEST = 2**62
FEW_ROOMS = 50
"""In so many rooms the index looks for each; beyond, what it finds is compared with the reader's rooms."""

MY_ROOMS = "SELECT room_id FROM memberships WHERE user_id = $1 AND left_version IS NULL"
NAMED_SO = f"""
SELECT rooms.room_id FROM memberships AS stay JOIN rooms USING (room_id) {NAMED} {COMPARED_NAME}
WHERE stay.user_id = $1 AND stay.left_version IS NULL AND {NAME_KEY} = $2
"""
PEOPLE = "SELECT user_id FROM users WHERE username_key = ANY($1)"

# Conditions that no index helps with are asked of each row in turn, the newest first, until there are enough: a CASE
# is not made into a join, nor one of what texts are compared with into one of the index.
HITS = f"""
SELECT hit.room_id, hit.message, hit.position
FROM (
    SELECT room_id, message, version, position FROM search_index
    WHERE tokens @@ $1::tsquery AND position >= $2 AND position < $3
        AND CASE WHEN $9::tsquery IS NULL OR tokens @@ $9::tsquery THEN true END
    ORDER BY position DESC OFFSET 0
) AS hit
WHERE CASE WHEN
    hit.room_id = ANY($4::uuid[])
    AND {may_read("hit.room_id", "$5", "hit.message")}
    AND EXISTS (
        SELECT FROM messages WHERE room_id = hit.room_id AND version = hit.message
            AND coalesce(posted_at >= $6, true) AND coalesce(posted_at < $7, true))
    AND NOT EXISTS (
        SELECT FROM edits WHERE room_id = hit.room_id AND message = hit.message AND version > hit.version)
    AND NOT EXISTS (SELECT FROM retractions WHERE room_id = hit.room_id AND message = hit.message)
THEN true END
LIMIT $8
"""
MESSAGES = f"""
SELECT found.room_id, {NAME} AS room_name, {message_columns("message")}
FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS found (room_id, message, place)
JOIN messages AS message ON message.room_id = found.room_id AND message.version = found.message
JOIN rooms ON rooms.room_id = found.room_id {NAMED}
{text("message")} {extras("message")}
LEFT JOIN users ON users.user_id = message.user_id
ORDER BY place
"""


class FoundMessage(Struct, frozen=True):
    """A message, and the name of its room: empty for a direct conversation."""

    room_name: str
    message: Message


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Messages, the newest first. `older` is where to go on, None at the end; `is_complete`: all was indexed."""

    messages: list[FoundMessage]
    older: int | None
    is_complete: bool


Conditions = tuple[list[str], list[str]]
"""What is looked for in the index, and what each text that it finds is compared with."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How phrases are looked for in the nearest span and in those beyond it, and which spans these are."""

    near: Conditions
    far: Conditions
    spans: range

    @classmethod
    def of(cls, phrases: Sequence[Phrase]) -> Self:
        """Phrases of pairs are found by these, and compared. For the beginning of a word the index would read all that
        begins so, wherever it is: near, texts are read instead, and spans are few.
        """
        begun = [condition(phrase) for phrase in phrases if has_beginning(phrase)]
        whole = [phrase for phrase in phrases if not has_beginning(phrase)]
        indexed = [
            each for phrase in whole for each in (pairs_in(phrase) if is_of_pairs(phrase) else [condition(phrase)])
        ]
        compared = [neighbours(phrase) for phrase in whole if is_of_pairs(phrase) and len(phrase) > 2]
        steps = spans.FEW_SPANS if begun else spans.SPANS
        return cls((indexed, [*compared, *begun]), ([*indexed, *begun], compared), steps)


class MessageSearch:
    """Searches for members."""

    def __init__(self, database: Database, index: SearchIndex) -> None:
        self._database = database
        self._index = index

    async def find(self, user_id: UserId, query: SearchQuery, *, before: int = NEWEST, limit: int = PAGE) -> FoundPage:
        """Messages that the user may read. Raises InvalidField for people and rooms that are not known to them."""
        is_complete = await self._index.catch_up()
        rooms = [row["room_id"] for row in await self._database.fetch(MY_ROOMS, user_id)]
        for name in query.rooms:
            named = {row["room_id"] for row in await self._database.fetch(NAMED_SO, user_id, name_key(name))}
            if not named:
                raise InvalidField(FIELD, "in: names a room that you are not in.")
            rooms = [room_id for room_id in rooms if room_id in named]
        wanted = [quoted(having(what)) for what in query.has]
        for person in query.people:
            ids = [row["user_id"] for row in await self._database.fetch(PEOPLE, username_keys(person))]
            if not ids:
                raise InvalidField(FIELD, "from: names no user.")
            wanted.append(any_of(by(each) for each in ids))
        if len(rooms) <= FEW_ROOMS:
            wanted.append(any_of(within(room_id) for room_id in rooms))
        if not rooms:
            return FoundPage([], None, is_complete)
        hits = await self._walk(user_id, wanted, rooms, query, before=before, limit=limit + 1)
        shown = hits[:limit]
        found = await self._database.fetch(
            MESSAGES, [hit["room_id"] for hit in shown], [hit["message"] for hit in shown]
        )
        return FoundPage(
            [FoundMessage(row["room_name"], message_of(row["room_id"], row)) for row in found],
            shown[-1]["position"] if len(hits) > limit else None,
            is_complete,
        )

    async def _walk(
        self, user_id: UserId, wanted: list[str], rooms: list[UUID], query: SearchQuery, *, before: int, limit: int
    ) -> list:  # type: ignore[type-arg]
        """Hits: from the newest span, then from larger ones, until there are enough."""
        found: list = []  # type: ignore[type-arg]
        newest = await self._database.fetchval(LAST_POSITION)
        after, to = await bounds(query.after, query.before, self._database)
        last = min(before - 1, newest, to if to is not None else newest)
        asked = Asked.of(query.words)
        for number, (start, end, token) in enumerate(spans.back(last + 1, after + 1, asked.spans)):
            indexed, compared = asked.near if number == 0 and token is not None else asked.far
            here = [*wanted, *indexed, *([quoted(token)] if token is not None else [])]
            found += await self._database.fetch(
                HITS,
                *(" & ".join(here), start, end, rooms, user_id),
                *(query.after, query.before, limit - len(found), " & ".join(compared) or None),
            )
            if len(found) >= limit:
                break
        return found
