"""One lane: publishes the log to its users' channels in log order, then saves its checkpoint."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg

from centrifugo.publisher import Publisher, PublisherUnavailable
from domain.room import Room
from domain.values import UserId
from eventstore.errors import ContentWithheld, LogRestarted
from eventstore.generation import read_beginning
from eventstore.values import Position
from projections.fanout import lane_table as lanes
from projections.fanout.audience import Audience, Audiences
from projections.fanout.channels import personal_channel
from projections.fanout.dead_letters import add_dead_letter
from projections.fanout.lane_table import LaneRow
from projections.fanout.leases import AllWarm, WarmUsers
from projections.fanout.publications import Entry
from projections.fanout.publishing.counts import Counts
from projections.fanout.publishing.deliveries import Deliveries, Delivery, ToldAtOnce
from projections.fanout.publishing.retrying import RetryingPublisher
from projections.fanout.restart import announce_restart
from projections.fanout.tail import Tail
from projections.fanout.waiting.backlog import Backlog, PublicationPiece, may_overtake
from projections.fanout.waiting.rooms import WaitingRooms
from projections.operator_actions import Operator

RECHECK_S = 0.5
"""How often a stopped lane checks whether it may publish again."""

EXPECTED = 100
"""So many events, with listeners as far as is known, are encoded while the leases are read. Of a long page, most may
turn out to have none.
"""

SAVE_EVERY_S = 0.1
"""The checkpoint is saved at once, but this often at most."""

log = logging.getLogger(__name__)


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
        token_ttl_s: float,
    ) -> None:
        self.row = row
        self._tail = tail
        self._known = tail.known
        self._publisher = publisher
        self._retrying = RetryingPublisher(
            publisher, tail, name=row.name, counts=counts, save_before=self._save_before, refused=self._refused
        )
        self._connection = connection
        self._counts = counts
        self._all_warm = all_warm
        self._sets_aside = sets_aside
        self._token_ttl_s = token_ttl_s
        self._is_finishing = False
        self._emptied: int | None = None  # the closing at which histories were removed
        self._reset()

    def _reset(self) -> None:
        """Forget everything but the saved checkpoint."""
        lane, lanes_ = self.row.lane, self.row.lanes
        self._warm_users = AllWarm(lane=lane, lanes=lanes_) if self._all_warm else WarmUsers(lane=lane, lanes=lanes_)
        self._audiences = Audiences(self._warm_users, lane=lane, lanes=lanes_)
        self._backlog = Backlog()
        self._waiting = WaitingRooms(self._audiences, self._tail)
        self._in_hand: list[Entry] = []  # neither published nor waiting any more
        self._deliveries = Deliveries(
            self._audiences,
            self._warm_users,
            self._tail,
            self._connection,
            counts=self._counts,
            set_aside=self._set_aside,
        )
        self._closings = self._known.gate.closings
        self._read_to = self.row.position
        self._saved_at = time.monotonic()

    def finish(self) -> None:
        """End `run` once the publications in flight are done."""
        self._is_finishing = True
        self._tail.wake()

    @property
    def lag_events(self) -> int:
        """Positions between the checkpoint and the end of the log, as far as this process has seen it."""
        return max(0, self._tail.head - self.row.position)

    @property
    def lag_s(self) -> float:
        """How long the oldest unpublished event has waited, in seconds."""
        unpublished = [each.event.timestamp for each in (*self._oldest_waiting, *self._in_hand)]
        oldest = min(unpublished) if unpublished else self._tail.oldest_beyond(self.row.position)
        return (datetime.now(UTC) - oldest).total_seconds() if oldest is not None else 0.0

    @property
    def _oldest_waiting(self) -> list[Entry]:
        return [entry for entry in (self._backlog.oldest, self._waiting.oldest) if entry is not None]

    async def run(self) -> None:
        """Publish until `finish`. Raises LayoutChanged, and the driver's errors when the database is unavailable."""
        await self._known.check(self._connection)
        is_checked = False
        while not self._is_finishing:
            try:
                if not self._known.gate.is_open:
                    await self._withhold()
                    continue
                if not is_checked or self.row.generation != self._known.generation:
                    await self._check_place()
                    is_checked = True
                if self.row.is_stopped:
                    await self._wait_to_be_resumed()
                elif self.row.generation != self._known.generation:
                    await self._announce_restart()
                elif self.row.is_at_stop:
                    await self._wait_for_layout()
                else:
                    await self._publish_next()
            except (LaneFailed, ContentWithheld):
                self._reset()
            except LogRestarted:
                await self._known.check(self._connection)
        await self._save_last()

    async def _withhold(self) -> None:
        """Publish nothing while the gate is closed. If it stays closed, histories go: they may hold erased words."""
        await asyncio.sleep(RECHECK_S)
        self.row = await lanes.read_lane(self.row, self._connection)
        closings = self._known.gate.closings
        if not self._known.gate.is_open and self._emptied != closings:
            users = await self._warm_users.warm_all(self._connection, token_ttl_s=self._token_ttl_s)
            try:
                await self._publisher.remove_history([personal_channel(user_id) for user_id in users])
                self._emptied = closings
            except PublisherUnavailable as error:
                log.warning("histories not removed, will be tried again", extra={"reason": str(error)})
        self._reset()

    async def _check_place(self) -> None:
        """Check that the checkpoint is in the log; if not, move it to the head, from where clients load afresh."""
        if not await lanes.is_in_log(self.row, self._connection):
            if self.row.generation == self._known.generation:  # the first to notice
                await self._known.restart(replace(self._known.anchor, position=self.row.position), self._connection)
            async with self._connection.transaction():
                before, self.row = self.row, await lanes.move_to_head(self.row, self._connection)
                why = f"the log went back: the lane was at {before.position}, which is not in it"
                await Operator("onrecord", why).record("move to the head", before.name, self._connection)
            log.error(
                "lane moved to the head of a log that went back",
                extra={"lane": before.name, "from": before.position, "to": self.row.position},
            )
        else:
            self.row = await lanes.read_lane(self.row, self._connection)
        self._reset()

    async def _announce_restart(self) -> None:
        generation = self._known.generation
        users = await self._warm_users.warm_all(self._connection, token_ttl_s=self._token_ttl_s)
        began_at = await read_beginning(self._connection)
        await announce_restart(users, generation, began_at, self._publisher)
        self.row = await lanes.save_generation(self.row, generation, self._connection)
        log.warning(
            "told clients that the log went back",
            extra={"lane": self.row.name, "generation": generation, "users": len(users), "position": self.row.position},
        )

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
        entries = await self._take()
        due = await self._due(entries, await self._publish_at_once(entries))
        call = [*due, *self._backlog.take_next()]
        self._in_hand = [piece.entry.entries[0] for piece in call]
        await self._retrying.publish(call, closings=self._closings)
        self._in_hand = []
        if notified := self._deliveries.notified:
            await self._warm_users.mark_notified(notified, self._connection)
            notified.clear()
        if self._has_to_save(entries):
            await self._save()

    async def _take(self) -> list[Entry]:
        """The next events to publish, in log order: new ones, and held ones whose turn has come."""
        entries: list[Entry] = []
        read_to = self._read_to
        if await self._is_worth_reading():
            entries, self._read_to = await self._tail.after(read_to, to=self.row.stop_at)
        self._in_hand = await self._waiting.take(
            entries, self._backlog.by_room(), read_to=read_to, connection=self._connection
        )
        return self._in_hand

    async def _is_worth_reading(self) -> bool:
        """While something waits: only when new events are known. Else wait for new events, or until the next poll."""
        if self.row.stop_at is not None and self._read_to >= self.row.stop_at:
            return False
        if len(self._backlog) or len(self._waiting):
            return self._tail.has_news(self._read_to)
        if self._read_to > self.row.position:  # published, and to be saved in a moment
            wait_s = max(0.0, self._save_due_at - time.monotonic())
            return await self._tail.wait_for_news(self._read_to, at_most_s=wait_s)
        await self._tail.wait_for_news(self._read_to)
        return True

    async def _publish_at_once(self, entries: Sequence[Entry]) -> dict[Position, ToldAtOnce]:
        """Publish the first of `entries`, as far as nothing has to be asked, to those who were warm when last asked.

        Those who have become warm since get them once the leases are read. What waits would have to go before: then
        none is published at once.
        """
        told: dict[Position, ToldAtOnce] = {}
        pieces: list[PublicationPiece] = []
        for entry in entries if not len(self._backlog) and not len(self._waiting) else ():
            audience = self._audiences.at_hand(entry.event)
            if audience is None or not self._is_at_hand(entry, audience):
                break
            chunks = audience.advance(entry.event)
            told[entry.position] = ToldAtOnce(audience, frozenset[UserId]().union(*(chunk.users for chunk in chunks)))
            pieces += [PublicationPiece(entry, entry.publication(chunk.channels), chunk.users) for chunk in chunks]
        await self._retrying.publish(pieces, closings=self._closings)
        return told

    def _is_at_hand(self, entry: Entry, audience: Audience) -> bool:
        """Whether it is a message to a small audience, and all that its publication says is in memory."""
        if not isinstance(entry.event, Room.MessageAdded) or entry.position == self.row.skip_position:
            return False
        listeners = len(audience.warm_members)
        return not listeners or (may_overtake(listeners) and self._tail.encode_at_hand(entry))

    async def _due(self, entries: Sequence[Entry], told: Mapping[Position, ToldAtOnce]) -> list[PublicationPiece]:
        """The pieces to publish now for `entries`, beyond what was `told` at once; the others go to the backlog."""
        if not entries:
            return []
        expected = [
            entry for entry in entries if entry.position not in told and self._audiences.has_listeners(entry.room_id)
        ]
        asking = self._warm_users.read_changes(self._connection)  # after the events: see `leases`
        if 0 < len(expected) <= EXPECTED:
            changes, _ = await asyncio.gather(asking, self._tail.encode(expected))
        else:
            changes = await asking
        self._audiences.apply(changes)
        deliveries = [
            self._deliveries.late(entry, told[entry.position], changes) for entry in entries if entry.position in told
        ]
        deliveries += await self._deliveries.of(entries[len(told) :], skipping=self.row.skip_position)
        await self._tail.encode([each.entry for each in deliveries if each.chunks and isinstance(each.entry, Entry)])
        due: list[PublicationPiece] = []
        for each in deliveries:
            self._schedule(each, due)
        return due

    def _schedule(self, delivery: Delivery, due: list[PublicationPiece]) -> None:
        """Publish to a small audience now; a large one waits in the backlog."""
        entry = delivery.entry
        self._schedule_pieces([PublicationPiece(entry, None, users) for users in delivery.forgetting], due)
        for marker in delivery.markers:
            self._publish_now(marker, due)
        self._schedule_pieces(
            [PublicationPiece(entry, entry.publication(chunk.channels), chunk.users) for chunk in delivery.chunks], due
        )

    def _schedule_pieces(self, pieces: list[PublicationPiece], due: list[PublicationPiece]) -> None:
        if may_overtake(sum(len(piece.users) for piece in pieces)):
            for piece in pieces:
                self._publish_now(piece, due)
        else:
            self._backlog.add(pieces)

    def _publish_now(self, piece: PublicationPiece, due: list[PublicationPiece]) -> None:
        """Add a piece to `due`, after the waiting pieces that must precede it."""
        due.extend((*self._backlog.take_before(piece.users), piece))

    async def _refused(self, remaining: Sequence[PublicationPiece], reason: str) -> None:
        """Set the event of the first piece aside, or stop the lane at it. None of `remaining` is published yet."""
        entry = remaining[0].entry
        if self._sets_aside:
            for each in entry.entries:
                await self._set_aside(each, reason)
            return
        log.error("fan-out stopped", extra={"lane": self.row.name, "position": entry.position, "reason": reason})
        await self._save_before(remaining)
        self.row = await lanes.fail(self.row, entry.position, reason, self._connection)
        raise LaneFailed

    async def _set_aside(self, entry: Entry, reason: str) -> None:
        log.error("event set aside", extra={"lane": self.row.name, "position": entry.position, "reason": reason})
        await add_dead_letter(self.row.lane, entry.event, entry.position, reason, self._connection)
        self._counts.dead_letters += 1

    @property
    def _save_due_at(self) -> float:
        return self._saved_at + SAVE_EVERY_S

    def _has_to_save(self, taken: Sequence[Entry]) -> bool:
        """Not in each of many turns in a row: what is repeated after a crash has its keys."""
        is_idle = not taken and not self._tail.has_news(self._read_to)
        return is_idle or self.row.stop_at is not None or time.monotonic() >= self._save_due_at

    async def _save_last(self) -> None:
        """Save what was published since the last save, for who takes the lane next."""
        if self._known.gate.is_open and not self.row.is_stopped and self.row.generation == self._known.generation:
            with contextlib.suppress(LogRestarted):
                await self._move_to(self._read_to)

    async def _save(self) -> None:
        """Move the checkpoint as far as everything is published; read the row to notice operators' commands."""
        self._saved_at = time.monotonic()
        if not await self._move_to(self._read_to) and not len(self._backlog):
            self.row = await lanes.read_lane(self.row, self._connection)

    async def _save_before(self, remaining: Sequence[PublicationPiece]) -> None:
        """Move the checkpoint up to the first of `remaining`; raises when the lane is no longer ours.

        A restarted server has forgotten its idempotency keys and would accept a repeat, so save before a retry.
        """
        if not await self._move_to(Position(min(piece.entry.position for piece in remaining) - 1)):
            self.row = await lanes.read_lane(self.row, self._connection)

    async def _move_to(self, position: Position) -> bool:
        """Move the checkpoint up to `position`, but not past what waits, nor the stop; return whether it moved."""
        if self.row.stop_at is not None:
            position = min(position, self.row.stop_at)
        for entry in self._oldest_waiting:
            position = Position(min(position, entry.position - 1))
        if position <= self.row.position:
            return False
        if self.row.generation != self._known.generation:
            raise LogRestarted("the log went back")
        self.row = await lanes.save_checkpoint(self.row, position, self._known.anchor, self._connection)
        return True
