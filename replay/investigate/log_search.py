"""The log as operators search it: events by room, user, type, text, position or time, read page by page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from domain.room import TOPICS, RoomEvent
from domain.values import RoomId, UserId
from eventstore.log import Log, Recorded
from eventstore.values import LOG_START, Position
from postgres.database import Database

PAGE = 1000

END = Position(2**63 - 1)
"""Beyond every position."""

Found = Recorded[RoomEvent]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events: all of these hold, and None asks nothing. `text` is looked for in messages and names, any case.

    Positions are `after` (not included) and `to` (included); times are `since` (included) and `until` (not).
    """

    room_id: RoomId | None = None
    user_id: UserId | None = None
    types: tuple[str, ...] = TOPICS
    after: Position = LOG_START
    to: Position | None = None
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
        after, to = wanted.after, wanted.to if wanted.to is not None else END
        while page := await self._page(wanted, after, to, limit=PAGE):
            for recorded in page:
                if wanted.matches(recorded.event):
                    yield recorded
            after = page[-1].position

    async def newest(self, wanted: Filter, count: int) -> list[Found]:
        """The last `count` events that match, ascending."""
        found: list[Found] = []
        to = wanted.to if wanted.to is not None else END
        while len(found) < count and (
            page := await self._page(wanted, wanted.after, to, limit=PAGE, newest_first=True)
        ):
            found.extend(recorded for recorded in page if wanted.matches(recorded.event))
            to = Position(page[-1].position - 1)
        return found[:count][::-1]

    async def at(self, position: Position) -> Found | None:
        """The event at exactly this position."""
        page = await self._page(Filter(), Position(position - 1), position, limit=1)
        return page[0] if page else None

    async def head(self) -> Position:
        """The position of the newest event."""
        async with self._database.connection() as connection:
            return await self._log.last_position(connection=connection)

    async def _page(
        self, wanted: Filter, after: Position, to: Position, *, limit: int, newest_first: bool = False
    ) -> list[Found]:
        """Events that the database can tell may match."""
        return await self._database.read(
            lambda connection: self._log.find(
                after,
                to,
                topics=wanted.types,
                stream_id=wanted.room_id,
                limit=limit,
                newest_first=newest_first,
                connection=connection,
            )
        )
