"""States of events that are as this program writes them: read at once into the types that their fields must have.

Nearly every state in a log is one, and this takes half the time of reading any JSON, checking it and bringing it up to
date. It refuses those of an older class version, those that another application wrote with other fields, those whose
fields hold objects, and those that cannot be read.
"""

from collections.abc import Callable, Collection
from dataclasses import fields
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from eventsourcing.persistence import DatetimeAsISO

SIMPLE = (str, int, bool, NoneType, list[int], list[str])
"""Types that JSON has as they are."""

assert DatetimeAsISO.name == "datetime_iso"


class _Time(msgspec.Struct, forbid_unknown_fields=True, gc=False, rename={"kind": "_type_", "text": "_data_"}):
    """A time as the library writes it."""

    kind: Literal["datetime_iso"]
    text: str


def reader(
    kind: type, *, without: Collection[str], there: Collection[str]
) -> Callable[[bytes], dict[str, Any] | None] | None:
    """Reads a state that holds exactly the fields of this kind of event, but those `without`; None of any other state.

    The fields in `there` must not be None. Returns None for a kind of event that always holds objects.
    """
    shape = _shape(kind, without, there)
    if shape is None:
        return None
    decode, as_dict = msgspec.json.Decoder(shape).decode, msgspec.structs.asdict
    times = [field.name for field in msgspec.structs.fields(shape) if field.type is _Time]
    has_class_version = "class_version" in shape.__struct_fields__

    def read(state: bytes) -> dict[str, Any] | None:
        try:
            stored = as_dict(decode(state))
            for name in times:
                stored[name] = datetime.fromisoformat(stored[name].text)
        except (msgspec.DecodeError, ValueError):
            return None
        if has_class_version:
            del stored["class_version"]
        return stored

    return read


def _shape(kind: type, without: Collection[str], there: Collection[str]) -> type[msgspec.Struct] | None:
    hints = get_type_hints(kind)
    shape = {field.name: _read_as(hints[field.name]) for field in fields(kind) if field.name not in without}
    for name in there:
        shape[name] = Union[tuple(each for each in get_args(shape[name]) if each is not NoneType)]  # noqa: UP007
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
