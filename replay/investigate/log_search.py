"""The log as operators search it: events by room, user, type, position or time, read page by page."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.values import RoomId, UserId
from eventstore.log import Log, Recorded
from eventstore.values import LOG_START, Position
from postgres.database import Database
from projections.readmodels.inline import LOG_TOPICS, LogEvent

PAGE = 1000

END = Position(2**63 - 1)
"""Beyond every position."""

FoundEvent = Recorded[LogEvent]


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions on events, all of which must hold; None matches all.

    Positions are `after` (not included) and `to` (included); times are `since` (included) and `until` (not).
    """

    room_id: RoomId | None = None
    user_id: UserId | None = None
    types: tuple[str, ...] = LOG_TOPICS
    after: Position = LOG_START
    to: Position | None = None
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, event: LogEvent) -> bool:
        """Check the conditions that the database cannot: it stores the fields of events encoded."""
        return (
            (self.user_id is None or event.actor == self.user_id)
            and (self.since is None or event.timestamp >= self.since)
            and (self.until is None or event.timestamp < self.until)
        )


class LogSearch:
    """Searches of the log, page by page, so that memory does not grow with the log."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log

    async def find(self, event_filter: Filter) -> AsyncIterator[FoundEvent]:
        """Events that match, ascending by position."""
        after, to = event_filter.after, event_filter.to if event_filter.to is not None else END
        while page := await self._page(event_filter, after, to, limit=PAGE):
            for recorded in page:
                if event_filter.matches(recorded.event):
                    yield recorded
            after = page[-1].position

    async def newest(self, event_filter: Filter, count: int) -> list[FoundEvent]:
        """The last `count` events that match, ascending."""
        found: list[FoundEvent] = []
        to = event_filter.to if event_filter.to is not None else END
        while len(found) < count and (
            page := await self._page(event_filter, event_filter.after, to, limit=PAGE, newest_first=True)
        ):
            found += [recorded for recorded in page if event_filter.matches(recorded.event)]
            to = Position(page[-1].position - 1)
        return found[:count][::-1]

    async def at(self, position: Position) -> FoundEvent | None:
        """The event at exactly this position."""
        page = await self._page(Filter(), Position(position - 1), position, limit=1)
        return page[0] if page else None

    async def head(self) -> Position:
        """The position of the newest event."""
        async with self._database.connection() as connection:
            return await self._log.last_position(connection=connection)

    async def _page(
        self, event_filter: Filter, after: Position, to: Position, *, limit: int, newest_first: bool = False
    ) -> Sequence[FoundEvent]:
        """Events that match as far as the database can check."""
        return await self._database.read(
            lambda connection: self._log.find(
                after,
                to,
                topics=event_filter.types,
                stream_id=event_filter.room_id,
                limit=limit,
                newest_first=newest_first,
                connection=connection,
            )
        )
