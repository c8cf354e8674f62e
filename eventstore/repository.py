"""The repository: where use cases find aggregates and record what they decided."""

from collections.abc import Callable
from copy import copy
from typing import Any, Generic, TypeVar
from uuid import UUID

from eventsourcing.domain import Aggregate

from eventstore.aggregates import Aggregates
from eventstore.log import Recorded
from eventstore.writer.commands import Beside, ChangeAggregate, CreateAggregate, Key
from eventstore.writer.writer import Writer

A = TypeVar("A", bound=Aggregate)


def allow(_: Any) -> None:
    """Refuses nothing."""


class Repository(Generic[A]):
    """Aggregates of one `kind`. All methods answer after commit, with the last event recorded.

    They raise what the command raises, and StoreError (see `eventstore.errors`). `missing` is called for a stream
    without events, or of another kind: it raises, or makes the aggregate that the command begins with.
    """

    def __init__(
        self,
        aggregates: Aggregates[Any],
        writer: Writer[Any],
        *,
        kind: type[A],
        missing: Callable[[UUID], A],
    ) -> None:
        self._aggregates = aggregates
        self._writer = writer
        self._kind = kind
        self._missing = missing
        self._beside: Beside | None = None

    def beside(self, beside: Beside) -> "Repository[A]":
        """The same aggregates. What is recorded through it is committed together with what `beside` writes."""
        same = copy(self)
        same._beside = beside
        return same

    async def add(
        self,
        aggregate: A,
        /,
        *,
        question: Any | None = None,
        check: Callable[[Any], None] = allow,
        key: Key | None = None,
    ) -> Recorded[Any]:
        """Record a new aggregate, unless `check`, which is told the answer to `question`, raises."""
        slot = self._aggregates.slot(aggregate.id)
        creation = CreateAggregate(slot, aggregate, question=question, check=check, key=key, beside=self._beside)
        self._writer.submit(creation)
        return await creation.answer

    async def change(self, stream_id: UUID, change: Callable[[A], None], /, *, key: Key | None = None) -> Recorded[Any]:
        """Apply `change` to the aggregate as the log has it at that moment, and record the events."""
        return await self._change(stream_id, None, lambda aggregate, _: change(aggregate), key=key)

    async def decide(
        self, stream_id: UUID, question: Any, change: Callable[[A, Any], None], /, *, key: Key | None = None
    ) -> Recorded[Any]:
        """As `change`, for one that needs facts which the aggregate does not remember: it is told the answer to
        `question` at that moment, from the read models under the append lock.
        """
        return await self._change(stream_id, question, change, key=key)

    async def _change(
        self, stream_id: UUID, question: Any | None, change: Callable[[A, Any], None], *, key: Key | None
    ) -> Recorded[Any]:
        slot = self._aggregates.slot(stream_id)
        if slot.aggregate is None:
            await self._aggregates.load(slot)
        command = ChangeAggregate(
            slot,
            change,
            question=question,
            key=key,
            kind=self._kind,
            missing=lambda: self._missing(stream_id),
            beside=self._beside,
        )
        self._writer.submit(command)
        return await command.answer
