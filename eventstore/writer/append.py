"""One transaction that appends: lock and look, decide, record and fold, commit.

Four round trips, and one more for each kind of question that the batch asks of the read models.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from operator import gt
from pathlib import Path
from typing import Generic, TypeVar
from uuid import UUID

import asyncpg
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import Mapper, StoredEvent

from eventstore import checkpoints, words
from eventstore.aggregates import Aggregates
from eventstore.checkpoints import position_of
from eventstore.errors import LogRestarted, OutcomeUnknown, UnreadableEvent
from eventstore.generation import Anchor, KnownLog, Look
from eventstore.idempotency_keys import Fingerprints, read_keys
from eventstore.inline_projection import InlineProjection, fold
from eventstore.log import LAST_POSITION, Log, Stored
from eventstore.values import Position, Version
from eventstore.words import Opening
from eventstore.writer.batch import CommandBatch, KeyId, KnownKey, key_id
from eventstore.writer.hand_over import Appended, HandOver
from postgres.calls import Call, columns

A = TypeVar("A", bound=Aggregate)

FUNCTIONS = Path(__file__).with_name("append.sql")
"""The functions that this module calls."""

FOLD_PAGE = 1000
"""Events of other applications that are folded at a time when the inline read models are behind."""

# What is known of the log is compared with it under the lock: `look_at_log` is called once for the row of the first.
LOCK_AND_LOOK = """
SELECT locked.head, checkpoint, versions, has_known_keys, look.generation, look.contains, look.hash
FROM lock_and_look_v2($1, $2, $3, $4, $5) AS locked
CROSS JOIN LATERAL look_at_log(CASE WHEN locked.head >= 0 THEN $6::bigint END, $7) AS look
"""

NOT_SEALED = (None, None, None, None)
"""What an event without words has in place of an opening and the key of a name."""

IS_BEHIND = f"SELECT ({LAST_POSITION}) > {position_of()}"


@dataclass(frozen=True, slots=True)
class Head:
    """What the log held when the lock was taken."""

    position: Position
    checkpoint: Position
    versions: Sequence[Version]
    """The newest version of each stream of the batch, in the order of its slots."""
    has_known_keys: bool
    anchor: Anchor


class Append(Generic[A]):
    """Appends batches, each in one transaction. Keeps no state between two but what `known` says of the log."""

    def __init__(
        self,
        aggregates: Aggregates[A],
        projection: InlineProjection,
        log: Log,
        mapper: Mapper[UUID],
        known: KnownLog,
        fingerprints: Fingerprints,
        hand_over: HandOver,
    ) -> None:
        self._fingerprints = fingerprints
        self._hand_over = hand_over
        self._known = known
        self._aggregates = aggregates
        self._projection = projection
        self._log = log
        self._mapper = mapper

    @property
    def session(self) -> dict[str, str]:
        """Settings of the session in which it appends."""
        return self._projection.session

    async def fold_page(self, connection: asyncpg.Connection) -> bool:
        """Fold a page of what other applications appended, in its own transaction; returns whether that was all."""
        await self._known.check(connection)
        if not await connection.fetchval(IS_BEHIND, self._projection.name):
            return True
        await connection.execute("BEGIN")
        head = await self._lock_and_look(CommandBatch([]), connection)
        is_all = await self._fold_what_others_appended(head, connection)
        await self._commit(connection)
        return is_all

    async def record(self, batch: CommandBatch[A], connection: asyncpg.Connection) -> list[Position]:
        """Record what the batch decides and return the positions of its events, after commit.

        Raises OutcomeUnknown when the commit was sent and not confirmed, and otherwise LogRestarted, UnreadableEvent or
        what the driver raises: then nothing is recorded, and the transaction may still be open.
        """
        await connection.execute("BEGIN")
        head = await self._lock_and_look(batch, connection)
        while not await self._fold_what_others_appended(head, connection):
            await self._commit(connection)  # a page at a time: however much is left, what is folded stays folded
            await connection.execute("BEGIN")
            head = await self._lock_and_look(batch, connection)
        await self._bring_up_to_date(batch, head, connection)
        known_keys = await self._known_keys(batch, connection) if head.has_known_keys else {}
        questions = [command.question for command in batch.commands if command.question is not None]
        batch.decide(known_keys, await self._projection.facts(questions, connection) if questions else None)
        openings = batch.seal()
        stored = [self._mapper.to_stored_event(event) for event in batch.events]
        positions = await self._insert(batch, stored, openings, connection) if stored else []
        for beside, event in batch.besides():
            await beside(event, connection)
        await self._commit(connection)
        committed_at = time.monotonic()
        if stored:
            events = [
                Stored(position, event, row.topic, row.state)
                for position, event, row in zip(positions, batch.events, stored, strict=True)
            ]
            generation = head.anchor.generation
            self._known.advance(head.anchor, Anchor(generation, positions[-1], events[-1].hash))
            backend = connection.get_server_pid()
            self._hand_over.tell(Appended(head.position, events, generation, backend, committed_at))
        return positions

    async def _lock_and_look(self, batch: CommandBatch[A], connection: asyncpg.Connection) -> Head:
        streams, versions = [slot.stream_id for slot in batch.slots], [slot.version for slot in batch.slots]
        keys = [key_id(command.key) for command in batch.commands if command.key is not None]
        owners, texts = [owner for owner, _ in keys], [text for _, text in keys]
        known = self._known.anchor
        row = await connection.fetchrow(
            LOCK_AND_LOOK, self._projection.name, streams, versions, owners, texts, known.position, known.hash
        )
        assert row is not None
        seen = Look(row["contains"], Anchor(row["generation"], row["head"], row["hash"]))
        is_ahead = any(map(gt, versions, row[2]))
        await self._notice(known, seen, connection, is_ahead=is_ahead)
        return Head(row["head"], row["checkpoint"], row["versions"], row["has_known_keys"], seen.anchor)

    async def _notice(self, known: Anchor, seen: Look, connection: asyncpg.Connection, *, is_ahead: bool) -> None:
        """Raise LogRestarted when the log went back; also when `is_ahead`, a room in memory is ahead of its stream."""
        if is_ahead or seen.contradicts(known):
            await self._known.restart(known, connection)
            await self._commit(connection)
        else:
            self._known.advance(known, seen.anchor)
        if known.generation not in (0, self._known.generation):
            raise LogRestarted("the log went back")

    async def _fold_what_others_appended(self, head: Head, connection: asyncpg.Connection) -> bool:
        """Fold a page of it, under the lock; returns whether that was all."""
        if head.checkpoint == head.position:
            return True
        try:
            page = await self._log.between(head.checkpoint, head.position, limit=FOLD_PAGE, connection=connection)
        except UnreadableEvent:
            await self._projection.refuse_older(connection)
            raise
        await fold(self._projection, page, connection)
        await words.erase([recorded.event for recorded in page], connection)
        is_all = len(page) < FOLD_PAGE
        position = head.position if is_all else page[-1].position
        await checkpoints.move(self._projection.name, position, connection)
        return is_all

    async def _bring_up_to_date(self, batch: CommandBatch[A], head: Head, connection: asyncpg.Connection) -> None:
        newest = zip(batch.slots, head.versions, strict=True)
        behind = [slot for slot, version in newest if slot.version != version]
        if behind:
            await self._aggregates.catch_up(behind, connection=connection)

    async def _known_keys(self, batch: CommandBatch[A], connection: asyncpg.Connection) -> dict[KeyId, KnownKey]:
        keys = [key_id(command.key) for command in batch.commands if command.key is not None]
        known = {}
        for row in await read_keys([owner for owner, _ in keys], [key for _, key in keys], connection):
            recorded = await self._log.one(row["originator_id"], row["originator_version"], connection=connection)
            assert recorded is not None, "a key and its event are recorded together"
            known[(row["owner"], row["key"])] = KnownKey(
                partial(self._fingerprints.is_of, stored=row["fingerprint"]), recorded
            )
        return known

    async def _insert(
        self,
        batch: CommandBatch[A],
        stored: Sequence[StoredEvent],
        openings: Sequence[Opening | None],
        connection: asyncpg.Connection,
    ) -> list[Position]:
        openings_and_keys = [
            (*opening, event.compared(opening.content)) if opening is not None else NOT_SEALED
            for event, opening in zip(batch.events, openings, strict=True)
        ]
        recording = Call(
            "record_events_v2",
            self._projection.name,
            [event.originator_id for event in stored],
            [event.originator_version for event in stored],
            [event.topic for event in stored],
            [event.state for event in stored],
            *columns(openings_and_keys, 4),
            [key.owner for key, _ in batch.keys],
            [key.key for key, _ in batch.keys],
            [self._fingerprints.stored(key.fingerprint) for key, _ in batch.keys],
            [event.originator_id for _, event in batch.keys],
            [event.originator_version for _, event in batch.keys],
        )
        erasing = words.erasing(batch.events, recording) or recording
        base = await self._projection.folding(list(enumerate(batch.events, start=1)), base=erasing).fetch(connection)
        return [Position(base + place) for place in range(1, len(stored) + 1)]

    async def _commit(self, connection: asyncpg.Connection) -> None:
        try:
            await connection.execute("COMMIT")
        except (Exception, asyncio.CancelledError) as error:  # even a refusal: the commit may have been done before it
            raise OutcomeUnknown("the database did not confirm the commit") from error
