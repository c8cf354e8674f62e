"""Events whose rows are as this program writes them: read at once into the types that their fields must have.

That is nearly every row of a log, and twice as fast as reading any JSON, checking it and bringing it up to date. A row
of an older class version, one that another application wrote with other fields, and one whose fields hold objects are
left to the library's mapper; so is one that cannot be read, which then gets its error.
"""

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from eventsourcing.domain import CanMutateAggregate
from eventsourcing.persistence import DatetimeAsISO
from eventsourcing.utils import resolve_topic

from eventstore import words
from eventstore.values import Version

FROM_ITS_ROW = {"originator_id", "originator_version", "originator_id_type"}
"""The fields of an event that are columns of its row and not in its state."""

SIMPLE = (str, int, bool, NoneType, list[int], list[str])
"""Types that JSON has as they are."""


class _Time(msgspec.Struct, forbid_unknown_fields=True, gc=False, rename={"kind": "_type_", "text": "_data_"}):
    """A time as the library writes it."""

    kind: Literal["datetime_iso"]
    text: str


assert DatetimeAsISO.name == "datetime_iso"


def read_written(stream_id: UUID, version: Version, topic: str, state: bytes) -> CanMutateAggregate[UUID] | None:
    """The event of such a row, None of any other. Raises what resolving a topic raises."""
    kind = resolve_topic(topic)
    if (read := _reader(kind)) is None:
        return None
    try:
        stored = read(state)
    except (msgspec.DecodeError, ValueError):
        return None
    stored["originator_id"], stored["originator_version"] = stream_id, version
    event: CanMutateAggregate[UUID] = object.__new__(kind)
    object.__setattr__(event, "__dict__", stored)
    return event


@cache
def _reader(kind: type) -> Callable[[bytes], dict[str, Any]] | None:
    """Reads states of this kind of event; None where one of its fields is neither simple, nor a time, nor optional."""
    shape = _shape(kind)
    if shape is None or not issubclass(kind, CanMutateAggregate):
        return None
    decode, as_dict = msgspec.json.Decoder(shape).decode, msgspec.structs.asdict
    times = [field.name for field in msgspec.structs.fields(shape) if field.type is _Time]
    has_class_version = "class_version" in shape.__struct_fields__

    def read(state: bytes) -> dict[str, Any]:
        stored = as_dict(decode(state))
        for name in times:
            stored[name] = datetime.fromisoformat(stored[name].text)
        if has_class_version:
            del stored["class_version"]
        return stored

    return read


def _shape(kind: type) -> type[msgspec.Struct] | None:
    """All that the writer stores of such an event, and nothing else: its words are sealed."""
    field, hints = words.field_of(kind), get_type_hints(kind)
    apart = FROM_ITS_ROW | ({field, words.CLIENT_ID} if field is not None else set())
    shape: dict[str, Any] = {each.name: _read_as(hints[each.name]) for each in fields(kind) if each.name not in apart}
    if field is not None:
        shape["sealed"] = str
    if (class_version := getattr(kind, "class_version", 1)) > 1:
        shape["class_version"] = Literal[class_version]
    if None in shape.values():
        return None
    return msgspec.defstruct(kind.__name__, list(shape.items()), forbid_unknown_fields=True, gc=False)


def _read_as(hint: Any) -> Any:
    """The type to read a field as: what of it is simple; None where nothing is."""
    hint = getattr(hint, "__supertype__", hint)
    if hint is datetime:
        return _Time
    if get_origin(hint) in (Union, UnionType):
        simple = [each for part in get_args(hint) if (each := _read_as(part)) not in (None, _Time)]
        return Union[tuple(simple)] if simple else None  # noqa: UP007 - of types that are known only here
    return hint if hint in SIMPLE else None
