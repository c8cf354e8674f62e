"""Events to rows and back, in the `eventsourcing` library's own format."""

from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, get_type_hints
from uuid import UUID

import msgspec
from eventsourcing.domain import CanMutateAggregate, DomainEventProtocol
from eventsourcing.persistence import DatetimeAsISO, DecimalAsStr, Mapper, StoredEvent, UUIDAsHex
from eventsourcing.utils import get_topic, resolve_topic

from eventstore import words
from eventstore.errors import UnreadableEvent
from eventstore.states import written
from eventstore.states.transcoder import MappingAsPairs, QuickTranscoder, SetAsList
from eventstore.values import Position, Version

FROM_ITS_ROW = frozenset({"originator_id", "originator_version", "originator_id_type"})
"""The fields of an event that are columns of its row and not in its state."""


class SealingMapper(Mapper[UUID]):
    """The mapper of a stock application, which keeps the words of sealed events out of the log."""

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        kind, state = type(domain_event), words.stored_fields(domain_event)
        stream_id, version = state.pop("originator_id"), state.pop("originator_version")
        if (class_version := getattr(kind, "class_version", 1)) > 1:
            state["class_version"] = class_version
        return StoredEvent(stream_id, version, get_topic(kind), self.transcoder.encode(state))


def create_mapper() -> Mapper[UUID]:
    """The mapper of a stock application (plain JSON, no compression, no cipher), plus collections and sealed events."""
    transcoder = QuickTranscoder()
    for transcoding in (UUIDAsHex(), DecimalAsStr(), DatetimeAsISO(), SetAsList(), MappingAsPairs()):
        transcoder.register(transcoding)
    return SealingMapper(transcoder)


def to_event(
    mapper: Mapper[UUID], position: Position, stream_id: UUID, version: Version, topic: str, state: bytes
) -> CanMutateAggregate[UUID]:
    """The domain event of one row of the log, brought to today's class version. Raises UnreadableEvent."""
    try:
        if (written_event := as_written(stream_id, version, topic, state)) is not None:
            return written_event
        event: Any = mapper.to_domain_event(StoredEvent(stream_id, version, topic, state))
        # Another application may have written such an event with other fields, and the library checks none.
        msgspec.convert(vars(event), _fields(event.__class__))
        words.check(event)
        assert isinstance(event, CanMutateAggregate)
    except Exception as error:  # a state, its fields and an upcaster may raise anything
        raise unreadable(position, stream_id, version, topic, error) from error
    return event


def as_written(stream_id: UUID, version: Version, topic: str, state: bytes) -> CanMutateAggregate[UUID] | None:
    """The event of a row that this program has written, in the quickest way; None of any other row."""
    kind = resolve_topic(topic)
    read = _reader(kind)
    if read is None or (stored := read(state)) is None:
        return None
    stored["originator_id"], stored["originator_version"] = stream_id, version
    event: CanMutateAggregate[UUID] = object.__new__(kind)
    object.__setattr__(event, "__dict__", stored)
    return event


@cache
def _reader(kind: type) -> Callable[[bytes], dict[str, Any] | None] | None:
    if not issubclass(kind, CanMutateAggregate):
        return None
    if (field := words.field_of(kind)) is None:
        return written.reader(kind, without=FROM_ITS_ROW, there=())
    return written.reader(kind, without=FROM_ITS_ROW | {field, words.CLIENT_ID}, there=["sealed"])


@cache
def _fields(kind: type) -> type[msgspec.Struct]:
    """The fields that the state of such an event holds, with their types. Those with a default may be missing."""
    hints = get_type_hints(kind)
    stored = [field for field in fields(kind) if field.name not in FROM_ITS_ROW]
    required = [(field.name, hints[field.name]) for field in stored if field.default is MISSING]
    optional = [(field.name, hints[field.name], field.default) for field in stored if field.default is not MISSING]
    return msgspec.defstruct(kind.__name__, [*required, *optional])


def unreadable(position: Position, stream_id: UUID, version: Version, topic: str, error: Exception) -> UnreadableEvent:
    """Names the event and the reason. It quotes nothing that people wrote: of an error that may, it names the type."""
    reason = str(error).replace("`", "") if isinstance(error, msgspec.ValidationError) else type(error).__name__
    return UnreadableEvent(
        f"the event at position {position} cannot be read: {reason} (stream {stream_id}, version {version}, {topic})"
    )
