"""One lane: publishes the log to its users' channels in log order, then saves its checkpoint."""

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
from projections.fanout.audience import Audience, Audiences, UserChunk
from projections.fanout.backlog import Backlog, PublicationPiece
from projections.fanout.channels import personal_channel
from projections.fanout.dead_letters import add_dead_letter
from projections.fanout.lane_table import LaneRow
from projections.fanout.leases import AllWarm, WarmUsers
from projections.fanout.publications import Entry, FeedPaused
from projections.fanout.tail import Tail

SMALL_AUDIENCE = 200
"""A publication to at most this many channels may overtake bigger ones that wait in the backlog."""

MAX_BACKLOG = 100
"""How many events may wait in the backlog; beyond that the lane stops reading the log until some are published."""

FIRST_RETRY_S, LAST_RETRY_S = 0.05, 5.0

RECHECK_S = 0.5
"""How often a stopped lane checks whether it may publish again."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Counts:
    """What the lanes of a process did. Publications are counted per channel, `left_out` per cold member."""

    publications: int = 0
    left_out: int = 0
    retries: int = 0
    dead_letters: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event and its recipients: warm users get the publication, users who turned cold get a `feed_paused`."""

    entry: Entry
    chunks: Sequence[UserChunk]
    markers: Sequence[PublicationPiece]


class LaneFailed(Exception):
    """The lane stopped at an event that was refused for good."""


class Lane:
    """A lane that this process holds as long as `connection` lives.

    It writes only over that connection, so a process that lost the lock cannot write.
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
        self._is_finishing = False
        self._reset()

    def _reset(self) -> None:
        """Forget everything but the saved checkpoint."""
        lane, lanes_ = self.row.lane, self.row.lanes
        self._warm_users = AllWarm() if self._all_warm else WarmUsers(lane=lane, lanes=lanes_)
        self._audiences = Audiences(self._warm_users, lane=lane, lanes=lanes_)
        self._backlog = Backlog()
        self._notified: set[UserId] = set()
        self._unpublished: deque[tuple[Position, datetime]] = deque()
        self._read_to = self.row.position

    def finish(self) -> None:
        """End `run` once the publications in flight are done."""
        self._is_finishing = True

    @property
    def lag_events(self) -> int:
        """Positions between the checkpoint and the end of the log, as far as this process has seen it."""
        return max(0, self._tail.head - self.row.position)

    @property
    def lag_s(self) -> float:
        """How long the oldest unpublished event has waited, in seconds."""
        if self._unpublished:
            return (datetime.now(UTC) - self._unpublished[0][1]).total_seconds()
        return (datetime.now(UTC) - self.row.moved_at).total_seconds() if self.lag_events else 0.0

    async def run(self) -> None:
        """Publish until `finish`. Raises LayoutChanged, and the driver's errors when the database is unavailable."""
        while not self._is_finishing:
            try:
                if self.row.is_stopped:
                    await self._wait_to_be_resumed()
                elif self.row.is_at_stop:
                    await self._wait_for_layout()
                else:
                    await self._publish_next()
            except LaneFailed:
                self._reset()

    async def _wait_to_be_resumed(self) -> None:
        await asyncio.sleep(RECHECK_S)
        self.row = await lanes.read_lane(self.row, self._connection)
        if not self.row.is_stopped:
            self._reset()

    async def _wait_for_layout(self) -> None:
        self.row = await lanes.wait_at_stop(self.row, self._connection)
        await asyncio.sleep(RECHECK_S)
        self.row = await lanes.clear_stop_if_abandoned(self.row, self._connection)

    async def _publish_next(self) -> None:
        """Publish as much as fits into one or two calls, then save the checkpoint."""
        call: list[PublicationPiece] = []
        if await self._is_worth_reading():
            entries, read_to = await self._tail.after(self._read_to, to=self.row.stop_at)
            call = await self._due(entries)
            self._read_to = read_to
        waiting = self._backlog.next()
        await self._publish([*call, *waiting])
        self._backlog.remove(waiting)
        if self._notified:
            await self._warm_users.mark_notified(self._notified, self._connection)
            self._notified = set()
        await self._save()

    async def _is_worth_reading(self) -> bool:
        """With a backlog: only when new events are known. Without one: wait for new events, or until the next poll."""
        if len(self._backlog):
            return len(self._backlog) < MAX_BACKLOG and self._tail.has_news(self._read_to)
        await self._tail.wait_for_news(self._read_to)
        return True

    async def _due(self, entries: Sequence[Entry]) -> list[PublicationPiece]:
        """The pieces to publish now for `entries`; the others go to the backlog."""
        if not entries:
            return []
        self._audiences.apply(await self._warm_users.read_changes(self._connection))  # after the events: see `leases`
        deliveries = []
        for entry in entries:
            self._unpublished.append((entry.position, entry.event.timestamp))
            if entry.position == self.row.skip_position:
                await self._set_aside(entry, "skipped by an operator")
            else:
                deliveries.append(await self._delivery(entry))
        await self._tail.encode([each.entry for each in deliveries if each.chunks])
        due: list[PublicationPiece] = []
        for each in deliveries:
            self._schedule(each, due)
        return due

    async def _delivery(self, entry: Entry) -> Delivery:
        """The event and its recipients as of its version."""
        audience = await self._audiences.before(entry.event, self._connection)
        chunks = audience.advance(entry.event)
        self._counts.left_out += max(0, len(audience.members) - len(audience.warm_members))
        return Delivery(entry, chunks, tuple(self._markers(audience, entry)))

    def _schedule(self, delivery: Delivery, due: list[PublicationPiece]) -> None:
        """Publish to a small audience now; a large one waits in the backlog."""
        for marker in delivery.markers:
            self._publish_now(marker, due)
        entry = delivery.entry
        pieces = [PublicationPiece(entry, entry.publication(chunk.channels), chunk.users) for chunk in delivery.chunks]
        if sum(len(piece.users) for piece in pieces) > SMALL_AUDIENCE:
            self._backlog.add(pieces)
        else:
            for piece in pieces:
                self._publish_now(piece, due)

    def _publish_now(self, piece: PublicationPiece, due: list[PublicationPiece]) -> None:
        """Add a piece to `due`, after the waiting pieces that must precede it."""
        before = self._backlog.before(piece.users)
        self._backlog.remove(before)
        due.extend((*before, piece))

    def _markers(self, audience: Audience, entry: Entry) -> Iterator[PublicationPiece]:
        """The `feed_paused` of users who turned cold, in place of the first event they no longer get."""
        unnotified = self._warm_users.unnotified
        for cold in audience.recipients_among(unnotified.keys()) - self._notified:
            self._notified.add(cold)
            data = msgspec.json.encode(FeedPaused(Position(entry.position - 1)))
            # The lease is part of the key: after a reset, the lane may announce a later lease's end at this position.
            key = f"paused:{cold}:{unnotified[cold].isoformat()}"
            publication = Publication(Channels([personal_channel(cold)]), data, key)
            yield PublicationPiece(entry, publication, frozenset([cold]))

    async def _publish(self, pieces: Sequence[PublicationPiece]) -> None:
        """Publish all pieces, with retries. The lane publishes nothing else until this returns."""
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

    async def _refused(self, remaining: Sequence[PublicationPiece], reason: str) -> None:
        """Set the event of the first piece aside, or stop the lane at it. None of `remaining` is published yet."""
        entry = remaining[0].entry
        if self._sets_aside:
            await self._set_aside(entry, reason)
            return
        log.error("fan-out stopped", extra={"lane": self.row.name, "position": entry.position, "reason": reason})
        await self._save_before(remaining)
        self.row = await lanes.fail(self.row, entry.position, reason, self._connection)
        raise LaneFailed

    async def _set_aside(self, entry: Entry, reason: str) -> None:
        log.error("event set aside", extra={"lane": self.row.name, "position": entry.position, "reason": reason})
        await add_dead_letter(self.row.lane, entry.event, entry.position, reason, self._connection)
        self._counts.dead_letters += 1

    async def _save(self) -> None:
        """Move the checkpoint as far as everything is published; read the row to notice operators' commands."""
        if not await self._move_to(self._read_to) and not len(self._backlog):
            self.row = await lanes.read_lane(self.row, self._connection)
        while self._unpublished and self._unpublished[0][0] <= self.row.position:
            self._unpublished.popleft()

    async def _save_before(self, remaining: Sequence[PublicationPiece]) -> None:
        """Move the checkpoint up to the first of `remaining`; raises when the lane is no longer ours.

        A restarted server has forgotten its idempotency keys and would accept a repeat, so save before a retry.
        """
        if not await self._move_to(Position(min(piece.entry.position for piece in remaining) - 1)):
            self.row = await lanes.read_lane(self.row, self._connection)

    async def _move_to(self, position: Position) -> bool:
        """Move the checkpoint up to `position`, but not past the backlog; return whether it moved."""
        if len(self._backlog):
            position = Position(min(position, self._backlog.position - 1))
        if position <= self.row.position:
            return False
        self.row = await lanes.save_checkpoint(self.row, position, self._connection)
        return True
