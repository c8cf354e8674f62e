"""A batch: the commands that share one transaction, what each decided, and what to answer once it is committed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from eventsourcing.domain import Aggregate

from eventstore.aggregates import Slot
from eventstore.errors import KeyReused, StoreRejected
from eventstore.log import Recorded
from eventstore.values import Position
from eventstore.writer.commands import Command, Key

A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """An idempotency key that is in the database: what its command was, and the event that it recorded."""

    fingerprint: bytes
    recorded: Recorded[Any]


KeyId = tuple[int, str]


def key_id(key: Key) -> KeyId:
    """What tells one key from another: the same text from another owner is another key."""
    return key.owner, key.key


class Batch(Generic[A]):
    """Decides commands in the order in which they came.

    `events` and `keys` are what to record. Every answer, a refusal too, waits for the commit: a command may have been
    refused because of an event that never came to be recorded.
    """

    def __init__(self, commands: Sequence[Command[A]]) -> None:
        self.commands = commands
        self.events: list[Any] = []
        self.keys: list[tuple[Key, Any]] = []
        self._last_event: dict[Command[A], int] = {}
        self._refused: list[tuple[Command[A], Exception]] = []
        self._known: list[tuple[Command[A], Recorded[Any]]] = []
        self._repeats: list[tuple[Command[A], Command[A]]] = []
        self._firsts: dict[KeyId, Command[A]] = {}

    @property
    def slots(self) -> set[Slot[A]]:
        return {command.slot for command in self.commands}

    def decide(self, known_keys: Mapping[KeyId, KnownKey], holders: dict[str, set[UUID]]) -> None:
        """Decide all commands, given the keys of theirs that were used before and the streams that hold the unique
        values they ask for. `holders` is kept up as the commands claim and give up values.
        """
        for command in self.commands:
            if not self._is_repeat(command, known_keys):
                self._decide(command, holders)

    def _is_repeat(self, command: Command[A], known_keys: Mapping[KeyId, KnownKey]) -> bool:
        if command.key is None:
            return False
        if (known := known_keys.get(key_id(command.key))) is not None:
            if known.fingerprint == command.key.fingerprint:
                self._known.append((command, known.recorded))
            else:
                self._refused.append((command, KeyReused("this idempotency key came before with another command")))
            return True
        if (first := self._firsts.get(key_id(command.key))) is not None:
            if first.key is not None and first.key.fingerprint == command.key.fingerprint:
                self._repeats.append((command, first))
            else:
                self._refused.append((command, KeyReused("this idempotency key came before with another command")))
            return True
        return False

    def _decide(self, command: Command[A], holders: dict[str, set[UUID]]) -> None:
        stream_id, value = command.slot.stream_id, command.unique_value
        try:
            is_taken = value is not None and not holders.get(value, set()) <= {stream_id}
            events = command.decide(is_taken=is_taken)
        except Exception as refusal:  # whatever it is, it is the caller's answer and nobody else's
            self._refused.append((command, refusal))
            self._check_nothing_triggered(command)
            return
        if not events:
            self._refused.append((command, StoreRejected("a command that succeeds records an event")))
            return
        self.events.extend(events)
        self._last_event[command] = len(self.events) - 1
        if value is not None:
            for held_by in holders.values():
                held_by.discard(stream_id)  # a stream holds one value at a time
            holders.setdefault(value, set()).add(stream_id)
        if command.key is not None:
            self._firsts[key_id(command.key)] = command
            self.keys.append((command.key, events[-1]))

    def _check_nothing_triggered(self, command: Command[A]) -> None:
        """An aggregate that changed and then raised is not what the log says: a defect that must not spread."""
        aggregate = command.slot.aggregate
        if aggregate is not None and aggregate.pending_events:
            raise AssertionError(f"{type(aggregate).__name__} triggered events and then raised")

    def answer(self, positions: Sequence[Position]) -> None:
        """Tell every caller, after the commit: `positions` are those of `events`."""
        for command, index in self._last_event.items():
            succeed(command, Recorded(positions[index], self.events[index]))
        for repeat, first in self._repeats:
            index = self._last_event[first]
            succeed(repeat, Recorded(positions[index], self.events[index]))
        for command, recorded in self._known:
            succeed(command, recorded)
        for command, refusal in self._refused:
            fail(command, refusal)


def succeed(command: Command[Any], recorded: Recorded[Any]) -> None:
    """Answer with the last event that the command recorded; its caller may have gone away."""
    if not command.answer.done():
        command.answer.set_result(recorded)


def fail(command: Command[Any], error: Exception) -> None:
    """Answer with an error."""
    if not command.answer.done():
        command.answer.set_exception(error)
