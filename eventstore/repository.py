"""The repository: where use cases find aggregates and record what they decided."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar
from uuid import UUID

from eventsourcing.domain import Aggregate

from eventstore.aggregates import Aggregates
from eventstore.log import Recorded
from eventstore.writer.commands import ChangeAggregate, CreateAggregate, Key, UniqueValue
from eventstore.writer.writer import Writer

A = TypeVar("A", bound=Aggregate)


class Repository(Generic[A]):
    """Aggregates of one `kind`. All methods answer after commit, with the last event recorded.

    They raise what the command raises, and StoreError (see `eventstore.errors`). `missing` is called for a stream
    without events, or of another kind: it raises, or makes the aggregate that the command begins with.
    """

    def __init__(
        self, aggregates: Aggregates[Any], writer: Writer[Any], *, kind: type[A], missing: Callable[[UUID], A]
    ) -> None:
        self._aggregates = aggregates
        self._writer = writer
        self._kind = kind
        self._missing = missing

    async def add(
        self,
        aggregate: A,
        /,
        *,
        unique: UniqueValue | None = None,
        taken: Exception | None = None,
        key: Key | None = None,
    ) -> Recorded[Any]:
        """Record a new aggregate. Raises `taken` when another one holds its unique value."""
        slot = self._aggregates.slot(aggregate.id)
        creation = CreateAggregate(slot, aggregate, key=key, unique=unique, taken=taken)
        self._writer.submit(creation)
        return await creation.answer

    async def change(self, stream_id: UUID, change: Callable[[A], None], /, *, key: Key | None = None) -> Recorded[Any]:
        """Apply `change` to the aggregate as the log has it at that moment, and record the events."""
        return await self._change(stream_id, lambda aggregate, *_: change(aggregate), unique=None, key=key)

    async def claim(
        self,
        stream_id: UUID,
        unique: UniqueValue,
        change: Callable[[A, bool, str | None], None],
        /,
        *,
        key: Key | None = None,
    ) -> Recorded[Any]:
        """Apply a change that gives the aggregate a unique value, in place of the one it holds.

        `change` is told whether another aggregate holds it at that moment, and is to raise then; and the text under
        which this one holds it already, or None.
        """
        return await self._change(stream_id, change, unique=unique, key=key)

    async def _change(
        self,
        stream_id: UUID,
        change: Callable[[A, bool, str | None], None],
        *,
        unique: UniqueValue | None,
        key: Key | None,
    ) -> Recorded[Any]:
        slot = self._aggregates.slot(stream_id)
        if slot.aggregate is None:
            await self._aggregates.load(slot)
        command = ChangeAggregate(
            slot, change, unique=unique, key=key, kind=self._kind, missing=lambda: self._missing(stream_id)
        )
        self._writer.submit(command)
        return await command.answer
