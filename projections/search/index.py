"""The index of all that people typed. It follows the log in slices, so no post waits for it, and an older installation
gets it in the same way. A search of a member brings it up to date first.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from domain.custody import CUSTODY_KINDS
from domain.room import KINDS
from domain.room.discussion.editing import MessageEdited
from eventstore import checkpoints
from eventstore.log import LAST_POSITION, Log, Recorded
from eventstore.log import TABLE as LOG
from eventstore.values import Position
from postgres import locks
from postgres.database import Database
from postgres.errors import StoreUnavailable
from projections.readmodels.inline import LogEvent
from projections.search.rows import IndexRow, has_words, message_of, row

NAME = "search"
"""Under which its checkpoint is kept."""

SLICE = 250
AT_A_TIME = 50
"""Events of a slice between two chances for other tasks to run: a millisecond's work."""

BEHIND = 8 * SLICE
"""Events that a search waits for; what is older is left to the service."""

BUSY = 100
"""Events a second that leave little time for the index."""

REST = 9
"""Times as long as a slice took: then posts have nine tenths of the time."""

TOPICS = tuple(kind.TOPIC for kind in (*KINDS, *CUSTODY_KINDS) if kind.WORDS is not None)
"""Of events that may have words."""

INSERT = """
INSERT INTO search_index (room_id, version, message, position, event, body, tokens)
SELECT room_id, version, message, position, event, body, tokens::tsvector
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[])
    AS said (room_id, version, message, position, event, body, tokens)
"""
PLACES = f"""
SELECT
    originator_id, originator_version, notification_id,
    EXISTS (SELECT FROM attachments WHERE room_id = originator_id AND version = originator_version) AS has_files
FROM {LOG}
JOIN unnest($1::uuid[], $2::bigint[]) AS edited (room, message)
    ON originator_id = edited.room AND originator_version = edited.message
"""

PROGRESS = f"SELECT {checkpoints.position_of('$1')} AS done, ({LAST_POSITION}) AS head"

log = logging.getLogger(__name__)


class Indexed(NamedTuple):
    """Positions: up to where all is indexed, and that of the newest event."""

    done: Position
    head: Position


class SearchIndex:
    """Brings the index up to date; in one process at a time."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    async def run(self, *, every_s: float) -> None:
        """Follow the log until cancelled; skip a round when the database is away.

        While people say much, it takes a tenth of the time and falls behind: quieter hours bring it up to date.
        """
        while True:
            pause = every_s
            try:
                began, (_, head) = time.monotonic(), await self.progress()
                if await self.index_slice():
                    grown = (await self.progress()).head - head
                    pause = pause_s(time.monotonic() - began, grown)
            except StoreUnavailable:
                log.warning("the search index waits: the database is not available")
            except Exception:
                log.exception("the search index does not go on")
            await asyncio.sleep(pause)

    async def go_on(self) -> None:
        """Index all that is not indexed yet."""
        while await self.index_slice():
            pass

    async def catch_up(self) -> bool:
        """Index what was said last; returns whether all is indexed."""
        for _ in range(BEHIND // SLICE):
            if not await self.index_slice():
                return True
        return False

    async def progress(self) -> Indexed:
        """How far it is."""
        row = await self._database.fetchrow(PROGRESS, NAME)
        assert row is not None
        return Indexed(row["done"], row["head"])

    async def index_slice(self) -> bool:
        """Index the next events, one process at a time; returns whether there may be more."""
        try:
            done, head = await self.progress()
            if done >= head:
                return False
            async with self._database.connection() as connection, connection.transaction():
                await locks.SEARCH_INDEX.take_for_transaction(connection)
                done = await checkpoints.read(NAME, connection)
                page = await self._log.find(
                    done, head, topics=TOPICS, stream_id=None, limit=SLICE, connection=connection
                )
                await self._insert(page, connection)
                await checkpoints.move(NAME, page[-1].position if len(page) == SLICE else head, connection)
                return len(page) == SLICE
        except asyncpg.ForeignKeyViolationError:
            return True  # words were erased meanwhile: read again

    async def _insert(self, page: Sequence[Recorded[LogEvent]], connection: asyncpg.Connection) -> None:
        """Add those of a page whose words are not erased."""
        said = [recorded for recorded in page if has_words(recorded.event)]
        edits = [one.event for one in said if isinstance(one.event, MessageEdited)]
        found = (
            await connection.fetch(PLACES, [edit.originator_id for edit in edits], [edit.message for edit in edits])
            if edits
            else []
        )
        edited = {(each[0], each[1]): (Position(each[2]), bool(each[3])) for each in found}
        rows: list[IndexRow] = []
        for start in range(0, len(said), AT_A_TIME):
            for one in said[start : start + AT_A_TIME]:
                position, has_files = edited.get(message_of(one.event), (one.position, False))
                rows.append(row(one, position, has_files=has_files))
            await asyncio.sleep(0)
        if rows:
            await connection.execute(INSERT, *map(list, zip(*rows, strict=True)))


def pause_s(took_s: float, grown: int) -> float:
    """How long to rest after a slice, while which the log grew by so many positions."""
    return REST * took_s if grown > BUSY * took_s else 0.0
