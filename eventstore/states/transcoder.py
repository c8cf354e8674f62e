"""JSON as the `eventsourcing` library writes it, plain objects several times as fast."""

from collections import UserDict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from eventsourcing.persistence import DatetimeAsISO, JSONTranscoder, Transcoding


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
