"""One lane: publishes the log to the channels of its users, in log order, and moves its checkpoint after."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import msgspec

from centrifugo.publisher import Channels, Publication, PublicationRefused, Publisher, PublisherUnavailable
from domain.values import UserId
from eventstore.values import Position
from projections.fanout import lane_table as lanes
from projections.fanout.audience import Audience, Audiences, Part
from projections.fanout.backlog import Backlog, Piece
from projections.fanout.channels import personal_channel
from projections.fanout.dead_letters import add_dead_letter
from projections.fanout.lane_table import LaneRow
from projections.fanout.leases import AllWarm, Warmth
from projections.fanout.publications import Entry, FeedPaused
from projections.fanout.tail import Tail

FEW = 200
"""A publication to so many channels at the most may go ahead of bigger ones that wait."""

WAITING = 100
"""Publications to many that may wait in pieces; with more, the lane reads no further for the time being."""

FIRST_RETRY_S, LAST_RETRY_S = 0.05, 5.0

STOPPED_S = 0.5
"""How often a lane that may not publish looks whether it may again."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Counts:
    """What the lanes of a process did: channel by channel, member by member."""

    publications: int = 0
    left_out: int = 0
    retries: int = 0
    dead_letters: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event, and who gets it: its publication, or in its place the marker that their feed pauses."""

    entry: Entry
    parts: Sequence[Part]
    markers: Sequence[Piece]


class Failed(Exception):
    """An event was refused for good, and the lane has stopped at it."""


class Lane:
    """A lane that this process holds, for as long as `connection` lives.

    All that it writes goes over that connection, so that a process that lost the lock writes nothing.
    """

    def __init__(
        self,
        row: LaneRow,
        tail: Tail,
        publisher: Publisher,
        connection: asyncpg.Connection,
        *,
        counts: Counts,
        all_warm: bool,
        sets_aside: bool,
    ) -> None:
        self.row = row
        self._tail = tail
        self._publisher = publisher
        self._connection = connection
        self._counts = counts
        self._all_warm = all_warm
        self._sets_aside = sets_aside
        self._is_leaving = False
        self._start_over()

    def _start_over(self) -> None:
        """Know nothing but the checkpoint."""
        lane, lanes_ = self.row.lane, self.row.lanes
        self._warmth = AllWarm() if self._all_warm else Warmth(lane=lane, lanes=lanes_)
        self._audiences = Audiences(self._warmth, lane=lane, lanes=lanes_)
        self._backlog = Backlog()
        self._told: set[UserId] = set()
        self._unpublished: deque[tuple[Position, datetime]] = deque()
        self._read_to = self.row.position

    def leave(self) -> None:
        """End `run` after what it has under way."""
        self._is_leaving = True

    @property
    def lag_events(self) -> int:
        """Positions between the checkpoint and the end of the log, as far as this process has seen it."""
        return max(0, self._tail.head - self.row.position)

    @property
    def lag_s(self) -> float:
        """How long the oldest event that is not published has waited, in seconds."""
        if self._unpublished:
            return (datetime.now(UTC) - self._unpublished[0][1]).total_seconds()
        return (datetime.now(UTC) - self.row.moved_at).total_seconds() if self.lag_events else 0.0

    async def run(self) -> None:
        """Publish until told to leave. Raises LayoutChanged, and what the driver raises when the database is away."""
        while not self._is_leaving:
            try:
                if self.row.is_stopped:
                    await self._wait_to_be_resumed()
                elif self.row.is_at_stop:
                    await self._wait_for_layout()
                else:
                    await self._turn()
            except Failed:
                self._start_over()

    async def _wait_to_be_resumed(self) -> None:
        await asyncio.sleep(STOPPED_S)
        self.row = await lanes.read_lane(self.row, self._connection)
        if not self.row.is_stopped:
            self._start_over()

    async def _wait_for_layout(self) -> None:
        self.row = await lanes.wait_at_stop(self.row, self._connection)
        await asyncio.sleep(STOPPED_S)
        self.row = await lanes.go_on_if_abandoned(self.row, self._connection)

    async def _turn(self) -> None:
        """Publish what can be in one or two calls."""
        call: list[Piece] = []
        if await self._is_worth_reading():
            entries, read_to = await self._tail.after(self._read_to, to=self.row.stop_at)
            call = await self._due(entries)
            self._read_to = read_to
        waiting = self._backlog.next()
        await self._publish([*call, *waiting])
        self._backlog.remove(waiting)
        if self._told:
            await self._warmth.told(self._told, self._connection)
            self._told = set()
        await self._save()

    async def _is_worth_reading(self) -> bool:
        """With publications waiting, only when there is news; without, when there is or it is time to look."""
        if len(self._backlog):
            return len(self._backlog) < WAITING and self._tail.has_news(self._read_to)
        await self._tail.news(self._read_to)
        return True

    async def _due(self, entries: Sequence[Entry]) -> list[Piece]:
        """Of the publications of `entries`, those to be made now; the others go to the backlog."""
        if not entries:
            return []
        self._audiences.turn(await self._warmth.look(self._connection))  # after the events: see `leases`
        deliveries = []
        for entry in entries:
            self._unpublished.append((entry.position, entry.event.timestamp))
            if entry.position == self.row.skip_position:
                await self._set_aside(entry, "skipped by an operator")
            else:
                deliveries.append(await self._delivery(entry))
        await self._tail.encode([each.entry for each in deliveries if each.parts])
        due: list[Piece] = []
        for each in deliveries:
            self._schedule(each, due)
        return due

    async def _delivery(self, entry: Entry) -> Delivery:
        """Who gets the event, as of its version."""
        audience = await self._audiences.before(entry.event, self._connection)
        parts = audience.advance(entry.event)
        self._counts.left_out += max(0, len(audience.members) - len(audience.listeners))
        return Delivery(entry, parts, tuple(self._markers(audience, entry)))

    def _schedule(self, delivery: Delivery, due: list[Piece]) -> None:
        """Publish to few now, after all that concerns them; many wait in the backlog."""
        for marker in delivery.markers:
            self._ahead(marker, due)
        entry = delivery.entry
        pieces = [Piece(entry, entry.publication(part.channels), part.users) for part in delivery.parts]
        if sum(len(piece.users) for piece in pieces) > FEW:
            self._backlog.add(pieces)
        else:
            for piece in pieces:
                self._ahead(piece, due)

    def _ahead(self, piece: Piece, due: list[Piece]) -> None:
        """Publish a piece now, after all that concerns its users."""
        before = self._backlog.before(piece.users)
        self._backlog.remove(before)
        due.extend((*before, piece))

    def _markers(self, audience: Audience, entry: Entry) -> Iterator[Piece]:
        """What people who turned cold get in place of the first event that they would have got."""
        cooling = self._warmth.cooling
        for cold in audience.concerned(cooling.keys()) - self._told:
            self._told.add(cold)
            data = msgspec.json.encode(FeedPaused(Position(entry.position - 1)))
            # One for each lease: a lane that begins again may tell the end of the next one at the same position.
            key = f"paused:{cold}:{cooling[cold].isoformat()}"
            yield Piece(entry, Publication(Channels([personal_channel(cold)]), data, key), frozenset([cold]))

    async def _publish(self, pieces: Sequence[Piece]) -> None:
        """Return when all of them are published; until then nothing else of this lane is."""
        remaining, retry_s = list(pieces), FIRST_RETRY_S
        while remaining:
            try:
                await self._publisher.publish([piece.publication for piece in remaining])
                done = len(remaining)
            except PublisherUnavailable as error:
                done = error.done
                self._counts.retries += 1
                log.warning(
                    "publishing failed, will be tried again", extra={"lane": self.row.name, "reason": str(error)}
                )
                await self._save_before(remaining[done:])
                await asyncio.sleep(retry_s * random.uniform(0.5, 1))  # noqa: S311 - so that processes do not retry in step
                retry_s = FIRST_RETRY_S if done else min(LAST_RETRY_S, retry_s * 2)
            except PublicationRefused as error:
                await self._refused(remaining[error.index :], str(error))
                self._counts.publications -= len(remaining[error.index].users)
                done = error.index + 1
            self._counts.publications += sum(len(piece.users) for piece in remaining[:done])
            del remaining[:done]

    async def _refused(self, remaining: Sequence[Piece], reason: str) -> None:
        """Set the event of the first piece aside, or stop at it loudly; none of `remaining` is published."""
        entry = remaining[0].entry
        if self._sets_aside:
            await self._set_aside(entry, reason)
            return
        log.error("fan-out stopped", extra={"lane": self.row.name, "position": entry.position, "reason": reason})
        await self._save_before(remaining)
        self.row = await lanes.fail(self.row, entry.position, reason, self._connection)
        raise Failed

    async def _set_aside(self, entry: Entry, reason: str) -> None:
        log.error("event set aside", extra={"lane": self.row.name, "position": entry.position, "reason": reason})
        await add_dead_letter(self.row.lane, entry.event, entry.position, reason, self._connection)
        self._counts.dead_letters += 1

    async def _save(self) -> None:
        """Move the checkpoint to where everything is published, and see what operators want."""
        if not await self._move_to(self._read_to) and not len(self._backlog):
            self.row = await lanes.read_lane(self.row, self._connection)
        while self._unpublished and self._unpublished[0][0] <= self.row.position:
            self._unpublished.popleft()

    async def _save_before(self, remaining: Sequence[Piece]) -> None:
        """Move the checkpoint to where everything but `remaining` is published; notice when the lane is not ours.

        A server that comes back without its memory takes again what it has forgotten, so nothing may be repeated then.
        """
        if not await self._move_to(Position(min(piece.entry.position for piece in remaining) - 1)):
            self.row = await lanes.read_lane(self.row, self._connection)

    async def _move_to(self, position: Position) -> bool:
        """Move the checkpoint up to `position`, but not past what waits; answers whether it moved."""
        if len(self._backlog):
            position = Position(min(position, self._backlog.position - 1))
        if position <= self.row.position:
            return False
        self.row = await lanes.move(self.row, position, self._connection)
        return True
