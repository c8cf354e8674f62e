"""The log as operators search it: events by room, user, type, text, position or time, read page by page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.room import TOPICS, RoomEvent
from eventstore.log import Log, Recorded
from postgres.database import Database

PAGE = 1000

FIND = """
SELECT notification_id, originator_id, originator_version, topic, state FROM stored_events
WHERE notification_id > $1 AND ($2::bigint IS NULL OR notification_id <= $2)
    AND topic = ANY($3) AND ($4::uuid IS NULL OR originator_id = $4)
ORDER BY notification_id LIMIT $5
"""

FIND_NEWEST = """
SELECT notification_id, originator_id, originator_version, topic, state FROM stored_events
WHERE notification_id <= $1 AND notification_id > $2 AND topic = ANY($3) AND ($4::uuid IS NULL OR originator_id = $4)
ORDER BY notification_id DESC LIMIT $5
"""

NOWHERE = 2**63 - 1
"""Beyond every position."""

Found = Recorded[RoomEvent]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events: all of these hold, and None asks nothing. `text` is looked for in messages and names, any case.

    Positions are `after` (not included) and `to` (included); times are `since` (included) and `until` (not).
    """

    room_id: UUID | None = None
    user_id: int | None = None
    types: tuple[str, ...] = TOPICS
    after: int = 0
    to: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None

    def matches(self, event: RoomEvent) -> bool:
        """What the database does not look at: it keeps events as their writer encoded them."""
        return (
            (self.user_id is None or event.actor == self.user_id)
            and (self.since is None or event.timestamp >= self.since)
            and (self.until is None or event.timestamp < self.until)
            and (self.text is None or self.text.casefold() in (event.text or "").casefold())
        )


class LogSearch:
    """Searches of the log. All answers are streams, so memory stays flat however long the log is."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    async def find(self, wanted: Filter) -> AsyncIterator[Found]:
        """Events that match, ascending by position."""
        after = wanted.after
        while rows := await self._database.fetch(FIND, after, wanted.to, list(wanted.types), wanted.room_id, PAGE):
            for recorded in self._log.decode(rows):
                if wanted.matches(recorded.event):
                    yield recorded
            after = rows[-1]["notification_id"]

    async def newest(self, wanted: Filter, count: int) -> list[Found]:
        """The last `count` events that match, ascending."""
        found: list[Found] = []
        to = wanted.to if wanted.to is not None else NOWHERE
        while len(found) < count and (
            rows := await self._database.fetch(FIND_NEWEST, to, wanted.after, list(wanted.types), wanted.room_id, PAGE)
        ):
            found.extend(recorded for recorded in self._log.decode(rows) if wanted.matches(recorded.event))
            to = rows[-1]["notification_id"] - 1
        return found[:count][::-1]

    async def at(self, position: int) -> Found | None:
        """The event at exactly this position."""
        rows = await self._database.fetch(FIND, position - 1, position, list(TOPICS), None, 1)
        return self._log.decode(rows)[0] if rows else None

    async def head(self) -> int:
        """The position of the newest event."""
        async with self._database.connection() as connection:
            return await self._log.last_position(connection=connection)
