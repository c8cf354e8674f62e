"""A command on its way into the log, from the moment it is handed over until its caller is answered."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from eventsourcing.domain import Aggregate

from eventstore.aggregates import Slot
from eventstore.log import Recorded

A = TypeVar("A", bound=Aggregate)


class Key(Protocol):
    """An idempotency key: who chose it, its text, and a digest of the command that it came with."""

    @property
    def owner(self) -> int: ...

    @property
    def key(self) -> str: ...

    @property
    def fingerprint(self) -> bytes: ...


class Unique(Protocol):
    """A value that one stream at most may hold, and what to raise for the one that comes second."""

    @property
    def value(self) -> str: ...

    @property
    def refusal(self) -> Exception: ...


class Command(Protocol[A]):
    """What the writer is given: a decision to take on one stream, and somebody who waits for the answer."""

    slot: Slot[A]
    key: Key | None
    unique_value: str | None
    answer: "asyncio.Future[Recorded[Any]]"

    @property
    def needs_aggregate(self) -> bool:
        """Whether the slot must hold what the log holds before `decide` is called."""

    def decide(self, *, is_taken: bool) -> Sequence[Any]:
        """Decide on the stream as it is now, and return the events, one at least. May be called again after a failure.

        `is_taken`: another stream holds the unique value that the events would give this one. What it raises is the
        caller's answer; nothing is recorded then.
        """


class Change(Generic[A]):
    """A command to an existing aggregate. It decides before it triggers: one that raises has triggered nothing.

    `change` is told whether another stream holds `unique_value`.
    """

    needs_aggregate = True

    def __init__(
        self,
        slot: Slot[A],
        change: Callable[[A, bool], None],
        *,
        unique_value: str | None,
        key: Key | None,
        not_found: Exception,
    ) -> None:
        self.slot = slot
        self.unique_value = unique_value
        self.key = key
        self.answer: asyncio.Future[Recorded[Any]] = asyncio.get_running_loop().create_future()
        self._change = change
        self._not_found = not_found

    def decide(self, *, is_taken: bool) -> Sequence[Any]:
        aggregate = self.slot.aggregate
        if aggregate is None:
            raise self._not_found
        self._change(aggregate, is_taken)
        return aggregate.collect_events()


class Creation(Generic[A]):
    """A new aggregate, with the events that were triggered while it was made."""

    needs_aggregate = False

    def __init__(self, slot: Slot[A], aggregate: A, *, key: Key | None, unique: Unique | None) -> None:
        self.slot = slot
        self.key = key
        self.unique_value = unique.value if unique is not None else None
        self._unique = unique
        self.answer: asyncio.Future[Recorded[Any]] = asyncio.get_running_loop().create_future()
        self._aggregate = aggregate
        self._events = aggregate.collect_events()

    def decide(self, *, is_taken: bool) -> Sequence[Any]:
        if self._unique is not None and is_taken:
            raise self._unique.refusal
        self.slot.aggregate = self._aggregate
        return self._events
