"""Which events have words that can be erased: the port of `domain.erasure`, over the read models and the log."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import asyncpg

from domain.use_cases.erasure import IN_THE_LOG, ROOM_NAME, Worded
from domain.values import RequestId, RoomId, UserId
from domain.words import Erased, Plain
from eventstore.log import ROWS_AND_WORDS, Log
from eventstore.log import TABLE as LOG
from eventstore.values import Version
from eventstore.words import join
from postgres.database import Database
from projections.readmodels.tables import DECISIONS
from projections.readmodels.tables import NAMES as NAMES_GIVEN

PAGE = 1000

AT = f"""
{ROWS_AND_WORDS} WHERE originator_id = $1 AND originator_version IN (SELECT edit FROM with_edits($1, $2::bigint[]))
ORDER BY originator_version
"""
KEPT = """
SELECT asked.room_id, kept_version, holds, rule, until
FROM (
    SELECT room_id, array_agg(version) AS versions FROM unnest($1::uuid[], $2::bigint[]) AS each (room_id, version)
    GROUP BY room_id
) AS asked CROSS JOIN LATERAL kept(asked.room_id, asked.versions)
"""
NAME_NOW = "SELECT name_version FROM rooms WHERE room_id = $1"

# Messages and edits whose words are not erased, in pages. An edit is of its message's author and as old as that.
MESSAGES = f"""
SELECT said.room_id, said.version, said.content IS NOT NULL AS is_plain
FROM (
    SELECT room_id, version, user_id, posted_at, content FROM messages
    UNION ALL
    SELECT edits.room_id, edits.version, messages.user_id, messages.posted_at, edits.content
    FROM edits JOIN messages ON messages.room_id = edits.room_id AND messages.version = edits.message
) AS said {join("said.room_id", "said.version", "apart")}
WHERE (said.content IS NOT NULL OR apart.stream IS NOT NULL) AND (said.room_id, said.version) > ($1, $2) AND {{}}
ORDER BY said.room_id, said.version LIMIT {PAGE}
"""
OF_ROOM = MESSAGES.format("said.room_id = $3 AND said.posted_at < $4")
OF_USER = MESSAGES.format(
    "said.room_id IN (SELECT room_id FROM memberships WHERE user_id = $3) AND said.user_id = $3 AND said.posted_at < $4"
)

# The names and topics of all rooms that a user was ever in, and what was decided about members there, with who said it.
NAMES = f"""
{ROWS_AND_WORDS} JOIN ({NAMES_GIVEN} UNION ALL {DECISIONS}) AS named
    ON named.room_id = originator_id AND named.name_version = originator_version
WHERE named.room_id IN (SELECT room_id FROM memberships WHERE user_id = $1)
ORDER BY originator_id, originator_version
"""

REASONS = f"""
{ROWS_AND_WORDS} JOIN retractions ON retractions.room_id = originator_id AND retractions.version = originator_version
WHERE retracted_by = $1 AND has_why ORDER BY originator_id, originator_version
"""

ERASED = f"""
SELECT room_id, version FROM erasures WHERE (room_id, version) > ($1, $2) ORDER BY room_id, version LIMIT {PAGE}
"""

# By the events that say so. Clocks of processes differ, by less than a day.
ERASED_FOR = f"""
SELECT coalesce(sum(jsonb_array_length(state -> 'versions')), 0)
FROM (
    SELECT convert_from(state, 'utf8')::jsonb AS state
    FROM (
        SELECT DISTINCT room_id, erased_version FROM erasures WHERE erased_at >= $2::timestamptz - interval '1 day'
    ) AS gone JOIN {LOG} ON originator_id = room_id AND originator_version = erased_version
) AS told
WHERE state ->> 'request' = $1
"""

ROOMS_OF = """
SELECT room_id FROM memberships WHERE user_id = $1
UNION SELECT room_id FROM room_invitations WHERE user_id = $1 AND ended_version IS NULL
ORDER BY room_id
"""

FIRST = (UUID(int=0), 0)


class ReadModelWordings:
    """Reads what `domain.use_cases.erasure.Wordings` describes."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    async def has_room(self, room_id: RoomId) -> bool:
        """Whether there is such a room."""
        return await self._name_version(room_id) is not None

    async def at(self, room_id: RoomId, versions: Sequence[int]) -> list[Worded]:
        """Those of these versions that have words, or had; of a message all versions."""
        return await self._kept(await self._decoded(await self._database.fetch(AT, room_id, list(versions))))

    async def of_room(self, room_id: RoomId, *, before: datetime) -> AsyncIterator[Worded]:
        """All versions of the messages that were posted earlier, unless they are erased."""
        async for worded in self._messages(OF_ROOM, room_id, before):
            yield worded

    async def of_user(self, user_id: UserId, *, before: datetime) -> AsyncIterator[Worded]:
        """What a user said and typed earlier, unless it is erased: all versions of messages, names and topics of rooms,
        reasons.
        """
        async for worded in self._messages(OF_USER, user_id, before):
            yield worded
        rows = [*await self._database.fetch(NAMES, user_id), *await self._database.fetch(REASONS, user_id)]
        given = await self._decoded(rows, by=(user_id, before))
        for worded in await self._kept([worded for worded in given if not worded.is_erased]):
            yield worded

    async def rooms_of(self, user_id: UserId) -> list[RoomId]:
        """The rooms in which others see the name of a user: where they were ever a member, or are invited."""
        return [RoomId(row["room_id"]) for row in await self._database.fetch(ROOMS_OF, user_id)]

    async def erased_for(self, request: RequestId, *, since: datetime) -> int:
        """How many texts were erased for a request that was made at `since`."""
        return int(await self._database.fetchval(ERASED_FOR, str(request), since))

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
            page = [Worded(row["room_id"], row["version"], IN_THE_LOG if row["is_plain"] else None) for row in rows]
            for worded in await self._kept(page):
                yield worded
            after = (rows[-1]["room_id"], rows[-1]["version"])

    async def _decoded(
        self, rows: Sequence[asyncpg.Record], *, by: tuple[UserId, datetime] | None = None
    ) -> list[Worded]:
        """Those of the rows that have or had words; `by`: only what this user did, before that moment."""
        found = []
        for recorded in self._log.decode_with_words(rows):
            event, room_id = recorded.event, RoomId(recorded.event.originator_id)
            if event.words is None or (by is not None and not (event.actor == by[0] and event.timestamp < by[1])):
                continue
            if isinstance(event.words, Plain):
                found.append(Worded(room_id, recorded.version, IN_THE_LOG))
            else:
                kept = ROOM_NAME if recorded.version == await self._name_version(room_id) else None
                found.append(Worded(room_id, recorded.version, kept, is_erased=isinstance(event.words, Erased)))
        return found

    async def _kept(self, found: Sequence[Worded]) -> list[Worded]:
        """The same, with what holds and rules keep of it."""
        free = [worded for worded in found if worded.kept is None and not worded.is_erased]
        rows = await self._database.fetch(KEPT, [each.room_id for each in free], [each.at for each in free])
        keepers = {(row["room_id"], row["kept_version"]): row for row in rows}
        return [
            _kept_by(worded, keepers[worded.room_id, worded.at]) if (worded.room_id, worded.at) in keepers else worded
            for worded in found
        ]

    async def _name_version(self, room_id: RoomId) -> Version | None:
        rows = await self._database.fetch(NAME_NOW, room_id)
        return Version(rows[0]["name_version"]) if rows else None


def _kept_by(worded: Worded, row: asyncpg.Record) -> Worded:
    if row["holds"]:
        named = " and ".join(f"hold {hold}" for hold in row["holds"])
        return replace(
            worded,
            kept=f"{named} covers it" if len(row["holds"]) == 1 else f"{named} cover it",
            holds=tuple(row["holds"]),
        )
    until = row["until"]
    day = f" until {until:%Y-%m-%d %H:%M} UTC" if until is not None else ""
    return replace(worded, kept=f"rule {row['rule']} keeps it{day}", rule=row["rule"], until=until)
