"""Events to rows and back, in the `eventsourcing` library's own format."""

from collections import UserDict
from collections.abc import Sequence
from dataclasses import MISSING, fields
from datetime import datetime
from functools import cache
from typing import Any, get_type_hints
from uuid import UUID

import msgspec
from eventsourcing.domain import CanMutateAggregate, DomainEventProtocol
from eventsourcing.persistence import (
    DatetimeAsISO,
    DecimalAsStr,
    JSONTranscoder,
    Mapper,
    StoredEvent,
    Transcoding,
    UUIDAsHex,
)
from eventsourcing.utils import get_topic

from eventstore import words
from eventstore.errors import UnreadableEvent
from eventstore.values import Position, Version

FROM_ITS_ROW = {"originator_id", "originator_version", "originator_id_type"}
"""The fields of an event that are columns of its row and not in its state."""


class SetAsList(Transcoding):
    """A set in a snapshot. Events hold none, so a stock application needs no such transcoding to read the log."""

    type = set
    name = "set_as_list"

    def encode(self, obj: set[Any]) -> list[Any]:
        return list(obj)

    def decode(self, data: Sequence[Any]) -> set[Any]:
        return set(data)


class MappingAsPairs(Transcoding):
    """A mapping in a snapshot whose keys are numbers, which JSON has no room for. Events hold none."""

    type = UserDict
    name = "mapping_as_pairs"

    def encode(self, obj: "UserDict[Any, Any]") -> list[tuple[Any, Any]]:
        return list(obj.items())

    def decode(self, data: Sequence[Any]) -> "UserDict[Any, Any]":
        mapping: UserDict[Any, Any] = UserDict()
        mapping.data = dict(data)
        return mapping


SIMPLE = frozenset((str, int, bool, type(None)))
"""Types that both encoders write the same way."""


class QuickTranscoder(JSONTranscoder):
    """Writes and reads the same bytes as its base class, plain events (text, numbers, times) several times as fast.

    Appending, loading and rebuilding spend much of their time here.
    """

    def __init__(self) -> None:
        super().__init__()
        self._read = msgspec.json.Decoder().decode
        self._write = msgspec.json.Encoder().encode

    def encode(self, obj: Any) -> bytes:
        if type(obj) is dict and (fields := _as_simple(obj)) is not None:
            try:
                return self._write(fields)
            except OverflowError:  # a number of more than 64 bits
                pass
        return super().encode(obj)

    def decode(self, data: bytes) -> Any:
        try:
            fields = self._read(data)
        except msgspec.DecodeError:
            return super().decode(data)
        return fields if _is_plain(fields) else super().decode(data)


def _as_simple(fields: dict[Any, Any]) -> dict[str, Any] | None:
    """The fields, with each time as the object that JSON holds; None when a field is neither simple nor a time."""
    simple = {}
    for name, value in fields.items():
        kind = type(value)
        if kind is datetime:
            value = {"_type_": DatetimeAsISO.name, "_data_": value.isoformat()}
        elif kind not in SIMPLE:
            return None
        if type(name) is not str:
            return None
        simple[name] = value
    return simple


def _is_plain(fields: Any) -> bool:
    """Decode times in place, the only objects in most events; returns whether everything is decoded then."""
    if type(fields) is not dict or "_type_" in fields:
        return False
    for name, value in fields.items():
        kind = type(value)
        if kind is dict:
            if value.get("_type_") != DatetimeAsISO.name or type(value.get("_data_")) is not str or len(value) != 2:
                return False
            fields[name] = datetime.fromisoformat(value["_data_"])
        elif kind is list:  # which may hold objects
            return False
    return True


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
        event: Any = mapper.to_domain_event(StoredEvent(stream_id, version, topic, state))
        # Another application may have written such an event with other fields, and the library checks none.
        msgspec.convert(vars(event), _fields(event.__class__))
        words.check(event)
        assert isinstance(event, CanMutateAggregate)
    except Exception as error:  # a state, its fields and an upcaster may raise anything
        raise unreadable(position, stream_id, version, topic, error) from error
    return event


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
