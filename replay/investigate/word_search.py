"""What people typed, as operators search it: every version of every message, names, topics and reasons."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from domain.errors import InvalidField
from domain.names import name_key, username_keys
from domain.values import RoomId, UserId
from eventstore import checkpoints
from eventstore.log import Log
from eventstore.values import Position
from postgres.database import Database
from projections.readmodels.words import COMPARED_NAME, NAME_KEY, NAMED
from projections.search import rows, spans
from projections.search.days import bounds
from projections.search.index import NAME as INDEX
from projections.search.query import FIELD, SearchQuery, any_of, condition, is_in, quoted
from projections.search.tokens import tokens
from replay.investigate.log_search import END, Filter, FoundEvent, LogSearch

PAGE = 1000

PEOPLE = "SELECT user_id FROM users WHERE username_key = ANY($1)"
ROOMS = f"SELECT room_id FROM rooms {NAMED} {COMPARED_NAME} WHERE {NAME_KEY} = $1 OR room_id::text = $2"

FIND = """
SELECT event FROM search_index AS typed
WHERE tokens @@ $1::tsquery AND event >= $2 AND event < $3
    AND NOT EXISTS (SELECT FROM retractions WHERE room_id = typed.room_id AND message = typed.message)
ORDER BY event LIMIT $4
"""
RETRACTED = "SELECT EXISTS (SELECT FROM retractions WHERE room_id = $1 AND message = $2)"
HAS_FILES = "SELECT EXISTS (SELECT FROM attachments WHERE room_id = $1 AND version = $2)"


class WordSearch:
    """Searches for operators. They find all that is there but for retracted messages; nothing is written."""

    def __init__(self, database: Database, log: Log, log_search: LogSearch) -> None:
        self._database = database
        self._log = log
        self._log_search = log_search

    async def find(self, query: SearchQuery, event_filter: Filter) -> AsyncIterator[FoundEvent]:
        """Events that match both, ascending by position: from the index, and from the log what that lacks.

        Raises InvalidField for people and rooms that are not there.
        """
        people = [await self._people(name) for name in query.people]
        rooms = [await self._rooms(name) for name in query.rooms]
        wanted = [*map(condition, query.words), *(quoted(rows.having(what)) for what in query.has)]
        wanted += [any_of(map(rows.by, each)) for each in people] + [any_of(map(rows.within, each)) for each in rooms]
        if event_filter.room_id is not None:
            wanted.append(quoted(rows.within(event_filter.room_id)))
        if event_filter.user_id is not None:
            wanted.append(quoted(rows.by(event_filter.user_id)))
        since = max((each for each in (query.after, event_filter.since) if each is not None), default=None)
        until = min((each for each in (query.before, event_filter.until) if each is not None), default=None)
        chosen = replace(event_filter, since=since, until=until)

        beyond, to = await bounds(since, until, self._database)
        after = max(chosen.after, beyond)
        to = min(each for each in (chosen.to, to, END) if each is not None)
        async with self._database.connection() as connection:
            indexed = await checkpoints.read(INDEX, connection)
        for start, end, token in spans.on(after + 1, min(to, indexed) + 1):
            here = " & ".join([*wanted, quoted(token)] if token is not None else wanted)
            async for recorded in self._indexed(here, start, end):
                if recorded.event.TOPIC in chosen.types and chosen.matches(recorded.event):
                    yield recorded
        async for recorded in self._log_search.find(replace(chosen, after=max(after, indexed), to=to)):
            event = recorded.event
            if not rows.has_words(event):
                continue
            has_files = bool(query.has) and await self._database.fetchval(HAS_FILES, *rows.message_of(event))
            found = [*tokens(event.text or ""), *rows.conditions(event, has_files=has_files)]
            if (
                all(is_in(phrase, found) for phrase in query.words)
                and all(rows.having(what) in found for what in query.has)
                and all(event.actor in each for each in people)
                and all(event.originator_id in each for each in rooms)
                and not await self._database.fetchval(RETRACTED, *rows.message_of(event))
            ):
                yield recorded

    async def _indexed(self, condition: str, start: int, end: int) -> AsyncIterator[FoundEvent]:
        """Those in the index from `start` to before `end`; words that were erased meanwhile are left out."""
        while page := await self._database.fetch(FIND, condition, start, end, PAGE):
            places = [Position(row["event"]) for row in page]
            async with self._database.connection() as connection:
                found = await self._log.at(places, connection=connection)
            for recorded in found:
                if rows.has_words(recorded.event):
                    yield recorded
            start = places[-1] + 1

    async def _people(self, name: str) -> Sequence[UserId]:
        found = [UserId(row["user_id"]) for row in await self._database.fetch(PEOPLE, username_keys(name))]
        if not found:
            raise InvalidField(FIELD, "from: names no user.")
        return found

    async def _rooms(self, name: str) -> Sequence[RoomId]:
        found = [RoomId(row["room_id"]) for row in await self._database.fetch(ROOMS, name_key(name), name)]
        if not found:
            raise InvalidField(FIELD, "in: names no room.")
        return found
