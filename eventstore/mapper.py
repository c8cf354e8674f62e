"""Events to rows and back, in the `eventsourcing` library's own format."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from eventsourcing.domain import CanMutateAggregate
from eventsourcing.persistence import (
    DatetimeAsISO,
    DecimalAsStr,
    JSONTranscoder,
    Mapper,
    StoredEvent,
    Transcoding,
    UUIDAsHex,
)


class SetAsList(Transcoding):
    """A set in a snapshot. Events hold none, so a stock application needs no such transcoding to read the log."""

    type = set
    name = "set_as_list"

    def encode(self, obj: set[Any]) -> list[Any]:
        return list(obj)

    def decode(self, data: Sequence[Any]) -> set[Any]:
        return set(data)


def create_mapper() -> Mapper[UUID]:
    """The mapper of a stock application (plain JSON, no compression, no cipher), and sets besides."""
    transcoder = JSONTranscoder()
    for transcoding in (UUIDAsHex(), DecimalAsStr(), DatetimeAsISO(), SetAsList()):
        transcoder.register(transcoding)
    return Mapper(transcoder)


def to_event(mapper: Mapper[UUID], stream_id: UUID, version: int, topic: str, state: bytes) -> CanMutateAggregate[UUID]:
    """The domain event of one row of the log, brought to today's class version."""
    event = mapper.to_domain_event(StoredEvent(stream_id, version, topic, state))
    assert isinstance(event, CanMutateAggregate)
    return event
