"""A command on its way into the log, from the moment it is handed over until its caller is answered."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import asyncpg
from eventsourcing.domain import Aggregate

from eventstore.aggregates import Slot
from eventstore.log import Recorded

A = TypeVar("A", bound=Aggregate)


Beside = Callable[[Any, asyncpg.Connection], Awaitable[None]]
"""Writes what belongs to an event in the transaction that records it. It may be called again after a failure."""


class Key(Protocol):
    """An idempotency key: who chose it, its text, and a digest of the command that it came with."""

    @property
    def owner(self) -> int: ...

    @property
    def key(self) -> str: ...

    @property
    def fingerprint(self) -> bytes: ...


class PendingCommand(Protocol[A]):
    """What the writer takes: a decision about one stream, and the future that its caller waits for.

    `question` is what the decision asks of the read models under the append lock; None where its stream says it all.
    `beside` is called with the last event that it decides, unless it is None.
    """

    slot: Slot[A]
    key: Key | None
    question: Any | None
    beside: Beside | None
    answer: "asyncio.Future[Recorded[Any]]"

    @property
    def needs_aggregate(self) -> bool:
        """Whether the slot must be loaded before `decide` is called."""

    def decide(self, told: Any, /) -> Sequence[Any]:
        """Decide on the stream as it is now, and return one event or more. May be called again after a failure.

        `told` answers `question`. What it raises is the caller's answer; nothing is recorded then.
        """


class ChangeAggregate(Generic[A]):
    """Changes an aggregate of one kind. `change` checks before it triggers events: when it raises, it triggered none.

    Its other argument is that of `decide`. `missing` raises, or makes the aggregate that a stream begins with.
    """

    needs_aggregate = True

    def __init__(
        self,
        slot: Slot[A],
        change: Callable[[A, Any], None],
        *,
        question: Any | None,
        key: Key | None,
        kind: type[A],
        missing: Callable[[], A],
        beside: Beside | None = None,
    ) -> None:
        self.slot = slot
        self.beside = beside
        self.question = question
        self.key = key
        self.answer: asyncio.Future[Recorded[Any]] = asyncio.get_running_loop().create_future()
        self._change = change
        self._kind = kind
        self._missing = missing

    def decide(self, told: Any, /) -> Sequence[Any]:
        aggregate = self.slot.aggregate
        if not isinstance(aggregate, self._kind):  # the stream is empty, or another kind's
            aggregate = self._missing()
        self._change(aggregate, told)
        self.slot.aggregate = aggregate
        return aggregate.collect_events()


class CreateAggregate(Generic[A]):
    """Adds a new aggregate, with the events that creating it triggered. `check` is told what `decide` is, and may
    refuse.
    """

    needs_aggregate = False

    def __init__(
        self,
        slot: Slot[A],
        aggregate: A,
        *,
        question: Any | None,
        check: Callable[[Any], None],
        key: Key | None,
        beside: Beside | None = None,
    ) -> None:
        self.slot = slot
        self.beside = beside
        self.key = key
        self.question = question
        self._check = check
        self.answer: asyncio.Future[Recorded[Any]] = asyncio.get_running_loop().create_future()
        self._aggregate = aggregate
        self._events = aggregate.collect_events()

    def decide(self, told: Any, /) -> Sequence[Any]:
        self._check(told)
        self.slot.aggregate = self._aggregate
        return self._events
