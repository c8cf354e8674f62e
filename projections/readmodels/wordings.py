"""Which events have words that can be erased: the port of `domain.erasure`, over the read models and the log."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from domain.erasure import IN_THE_LOG, ROOM_NAME, Worded
from domain.values import RoomId, UserId
from domain.words import Plain
from eventstore.log import ROWS_AND_WORDS, Log
from eventstore.values import Version
from eventstore.words import join
from postgres.database import Database
from projections.readmodels.tables import NAMES as NAMES_GIVEN

PAGE = 1000

AT = f"{ROWS_AND_WORDS} WHERE originator_id = $1 AND originator_version = ANY($2) ORDER BY originator_version"
NAME_NOW = "SELECT name_version FROM rooms WHERE room_id = $1"

# Messages whose words are not erased, in pages.
MESSAGES = f"""
SELECT said.room_id, said.version, said.content IS NOT NULL AS is_plain
FROM messages AS said {join("said.room_id", "said.version", "apart")}
WHERE (said.content IS NOT NULL OR apart.stream IS NOT NULL) AND (said.room_id, said.version) > ($1, $2) AND {{}}
ORDER BY said.room_id, said.version LIMIT {PAGE}
"""
OF_ROOM = MESSAGES.format("said.room_id = $3 AND said.posted_at < $4")
OF_USER = MESSAGES.format("said.room_id IN (SELECT room_id FROM memberships WHERE user_id = $3) AND said.user_id = $3")

# The names of all rooms that a user was ever in, with who gave them.
NAMES = f"""
{ROWS_AND_WORDS} JOIN ({NAMES_GIVEN}) AS named
    ON named.room_id = originator_id AND named.name_version = originator_version
WHERE named.room_id IN (SELECT room_id FROM memberships WHERE user_id = $1)
ORDER BY originator_id, originator_version
"""

ERASED = f"""
SELECT room_id, version FROM erasures WHERE (room_id, version) > ($1, $2) ORDER BY room_id, version LIMIT {PAGE}
"""

FIRST = (UUID(int=0), 0)


class ReadModelWordings:
    """Reads what `domain.erasure.Wordings` describes."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    async def has_room(self, room_id: RoomId) -> bool:
        """Whether there is such a room."""
        return await self._name_version(room_id) is not None

    async def at(self, room_id: RoomId, versions: Sequence[int]) -> list[Worded]:
        """Those of these versions that have words, or had."""
        return await self._decoded(await self._database.fetch(AT, room_id, list(versions)), with_erased=True)

    async def of_room(self, room_id: RoomId, *, before: datetime) -> AsyncIterator[Worded]:
        """The messages that were posted earlier and are not erased."""
        async for worded in self._messages(OF_ROOM, room_id, before):
            yield worded

    async def of_user(self, user_id: UserId) -> AsyncIterator[Worded]:
        """The messages of a user, and the names they gave to rooms, that are not erased."""
        async for worded in self._messages(OF_USER, user_id):
            yield worded
        rows = await self._database.fetch(NAMES, user_id)
        for worded in await self._decoded(rows, with_erased=False, actor=user_id):
            yield worded

    async def erased(self) -> AsyncIterator[tuple[UUID, int]]:
        """The rooms and versions whose words were erased."""
        after = FIRST
        while rows := await self._database.fetch(ERASED, *after):
            for row in rows:
                yield row["room_id"], row["version"]
            after = (rows[-1]["room_id"], rows[-1]["version"])

    async def _messages(self, statement: str, *arguments: object) -> AsyncIterator[Worded]:
        after = FIRST
        while rows := await self._database.fetch(statement, *after, *arguments):
            for row in rows:
                yield Worded(row["room_id"], row["version"], IN_THE_LOG if row["is_plain"] else None)
            after = (rows[-1]["room_id"], rows[-1]["version"])

    async def _decoded(
        self, rows: Sequence[asyncpg.Record], *, with_erased: bool, actor: UserId | None = None
    ) -> list[Worded]:
        found = []
        for recorded in self._log.decode_with_words(rows):
            event = recorded.event
            if event.words is None or (actor is not None and event.actor != actor):
                continue
            if isinstance(event.words, Plain):
                found.append(Worded(RoomId(event.originator_id), recorded.version, IN_THE_LOG))
            elif with_erased or event.words.text:
                kept = ROOM_NAME if recorded.version == await self._name_version(RoomId(event.originator_id)) else None
                found.append(Worded(RoomId(event.originator_id), recorded.version, kept))
        return found

    async def _name_version(self, room_id: RoomId) -> Version | None:
        rows = await self._database.fetch(NAME_NOW, room_id)
        return Version(rows[0]["name_version"]) if rows else None
