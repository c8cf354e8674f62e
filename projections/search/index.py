"""The index of what was said. It follows the log in slices, so no post waits for it, and an installation of before gets
it in the same way. Who searches brings it up to date first.
"""

import asyncio
import logging
from collections.abc import Sequence

import asyncpg

from domain.room.discussion.editing import MessageEdited
from domain.room.messages import MessageAdded
from domain.values import RoomId, UserId
from domain.words import Plain
from eventstore import checkpoints
from eventstore.log import TABLE as LOG
from eventstore.log import Log, Recorded
from eventstore.values import Position
from postgres import locks
from postgres.database import Database
from postgres.errors import StoreUnavailable
from projections.search.query import HAS, quoted
from projections.search.tokens import tokens

NAME = "search"
"""Under which its checkpoint is kept."""

SLICE = 500
BEHIND = 4 * SLICE
"""Events that a search waits for; what is older is left to the service."""

TOPICS = (MessageAdded.TOPIC, MessageEdited.TOPIC)

SPANS = range(12, 31, 3)
"""Positions are in spans of 2**12, 2**15, … A search reads the newest first, and larger ones as it goes back."""

MOST_POSITIONS = 16_000
"""Of one text, as PostgreSQL keeps them."""

INSERT = """
INSERT INTO search_index (room_id, version, message, position, body, tokens)
SELECT room_id, version, message, position, body, tokens::tsvector
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[])
    AS said (room_id, version, message, position, body, tokens)
"""
PLACES = f"""
SELECT originator_id, originator_version, notification_id FROM {LOG}
JOIN unnest($1::uuid[], $2::bigint[]) AS edited (room, message)
    ON originator_id = edited.room AND originator_version = edited.message
"""

Said = MessageAdded | MessageEdited

log = logging.getLogger(__name__)


class SearchIndex:
    """Brings the index up to date; in one process at a time."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    async def run(self, *, every_s: float) -> None:
        """Follow the log until cancelled; skip a round when the database is away."""
        while True:
            try:
                await self.go_on()
            except StoreUnavailable:
                log.warning("the search index waits: the database is not available")
            except Exception:
                log.exception("the search index does not go on")
            await asyncio.sleep(every_s)

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

    async def index_slice(self) -> bool:
        """Index the next events, one process at a time; returns whether there may be more."""
        try:
            async with self._database.connection() as connection, connection.transaction():
                head = await self._log.last_position(connection=connection)
                done = await checkpoints.read(NAME, connection)
                if done >= head:
                    return False
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

    async def _insert(self, page: Sequence[Recorded[Said]], connection: asyncpg.Connection) -> None:
        """Add those of a page whose words are not erased."""
        said = [recorded for recorded in page if recorded.event.words.text]
        edits = [one.event for one in said if isinstance(one.event, MessageEdited)]
        rows = (
            await connection.fetch(PLACES, [edit.originator_id for edit in edits], [edit.message for edit in edits])
            if edits
            else []
        )
        places = {(row[0], row[1]): Position(row[2]) for row in rows}
        added = []
        for recorded in said:
            event = recorded.event
            message = event.message if isinstance(event, MessageEdited) else event.originator_version
            position = places.get((event.originator_id, message), recorded.position)
            body = None if isinstance(event.words, Plain) else event.originator_version
            added.append(
                (event.originator_id, event.originator_version, message, position, body, vector(event, position))
            )
        if added:
            await connection.execute(INSERT, *map(list, zip(*added, strict=True)))


def vector(event: Said, position: Position) -> str:
    """What is indexed of an event, in PostgreSQL's notation: its words, and tokens with a colon for conditions."""
    text = event.words.text
    places: dict[str, list[int]] = {}
    for place, token in enumerate(tokens(text)[:MOST_POSITIONS], start=1):
        places.setdefault(token, []).append(place)
    words = (f"{quoted(token)}:{','.join(map(str, at[:250]))}" for token, at in places.items())
    return " ".join((*words, *map(quoted, conditions(event, position, text))))


def conditions(event: Said, position: Position, text: str) -> list[str]:
    """The tokens by which a message is found without its words."""
    has = [f"has:{HAS[0]}"] if "http://" in text or "https://" in text else []
    return [by(event.user_id), within(RoomId(event.originator_id)), *has, *(span(bits, position) for bits in SPANS)]


def by(user_id: UserId) -> str:
    """The token of what a user said."""
    return f"by:{user_id}"


def within(room_id: RoomId) -> str:
    """The token of what was said in a room."""
    return f"in:{room_id.hex}"


def span(bits: int, position: Position) -> str:
    """The token of what was said in the span of 2**bits positions that a position is in."""
    return f"{bits}:{position >> bits}"
