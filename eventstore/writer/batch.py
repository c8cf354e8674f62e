"""A batch: the commands that share one transaction, what each decided, and what to answer once it is committed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from eventsourcing.domain import Aggregate

from eventstore.errors import KeyReused, StoreRejected
from eventstore.inline_projection import Facts
from eventstore.log import Recorded
from eventstore.values import Position
from eventstore.words import Opening, seal
from eventstore.writer.commands import Beside, Key, PendingCommand

A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """An idempotency key that was used before, and the event that its command recorded."""

    is_of: Callable[[bytes], bool]
    """Whether a fingerprint is that of this command."""

    recorded: Recorded[Any]


KeyId = tuple[int, str]


def key_id(key: Key) -> KeyId:
    """Identifies a key: the same text from another owner is another key."""
    return key.owner, key.key


class CommandBatch(Generic[A]):
    """Decides commands in the order in which they came.

    `events` and `keys` are what to record, `slots` the streams concerned. Every answer, a refusal too, waits for the
    commit: a command may have been refused because of an event that never came to be recorded.
    """

    def __init__(self, commands: Sequence[PendingCommand[A]]) -> None:
        self.commands = commands
        self.slots = tuple({command.slot for command in commands})
        self.events: list[Any] = []
        self.keys: list[tuple[Key, Any]] = []
        self._last_event: dict[PendingCommand[A], int] = {}
        self._refused: list[tuple[PendingCommand[A], Exception]] = []
        self._known: list[tuple[PendingCommand[A], Recorded[Any]]] = []
        self._repeats: list[tuple[PendingCommand[A], PendingCommand[A]]] = []
        self._firsts: dict[KeyId, PendingCommand[A]] = {}

    def decide(self, known_keys: Mapping[KeyId, KnownKey], facts: Facts | None) -> None:
        """Decide every command. `known_keys` are those that were used before. `facts` answer what commands ask; None
        where none of them asks anything.
        """
        for command in self.commands:
            if not self._is_repeat(command, known_keys):
                self._decide(command, facts)

    def _is_repeat(self, command: PendingCommand[A], known_keys: Mapping[KeyId, KnownKey]) -> bool:
        if command.key is None:
            return False
        if (known := known_keys.get(key_id(command.key))) is not None:
            if known.is_of(command.key.fingerprint):
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

    def besides(self) -> list[tuple[Beside, Any]]:
        """What is to be called in the transaction, once the events are inserted, and with which of them."""
        return [(each.beside, self.events[at]) for each, at in self._last_event.items() if each.beside is not None]

    def seal(self) -> list[Opening | None]:
        """Seal what was decided, and return what opens each of `events`."""
        return seal(self.events)

    def _decide(self, command: PendingCommand[A], facts: Facts | None) -> None:
        try:
            told = facts.answer(command.question) if facts is not None and command.question is not None else None
            events = command.decide(told)
        except Exception as refusal:  # any error concerns only this caller
            self._refused.append((command, refusal))
            self._check_nothing_triggered(command)
            return
        if not events:
            self._refused.append((command, StoreRejected("a command that succeeds records an event")))
            return
        self.events.extend(events)
        self._last_event[command] = len(self.events) - 1
        if facts is not None:
            for event in events:
                facts.add(event)
        if command.key is not None:
            self._firsts[key_id(command.key)] = command
            self.keys.append((command.key, events[-1]))

    def _check_nothing_triggered(self, command: PendingCommand[A]) -> None:
        """Keep a defect from spreading: an aggregate that changed and then raised no longer matches the log."""
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


def succeed(command: PendingCommand[Any], recorded: Recorded[Any]) -> None:
    """Answer with the last event that the command recorded, unless the caller has gone."""
    if not command.answer.done():
        command.answer.set_result(recorded)


def fail(command: PendingCommand[Any], error: Exception) -> None:
    """Answer with an error, unless the caller has gone."""
    if not command.answer.done():
        command.answer.set_exception(error)
