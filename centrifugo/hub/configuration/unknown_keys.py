"""Keys of a configuration that no section has a field for."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec.inspect import StructType, Type, VarTupleType


def unknown_keys(settings: Mapping[str, Any], section: type[msgspec.Struct]) -> Iterator[str]:
    """Their dotted paths, such as `channel.namespaces[0].histroy_size`, in the order of `settings`."""
    return _below(settings, msgspec.inspect.type_info(section), "")


def _below(value: Any, kind: Type, path: str) -> Iterator[str]:
    if isinstance(kind, StructType) and isinstance(value, Mapping):
        fields = {field.name: field.type for field in kind.fields}
        for key, inner in value.items():
            inner_path = f"{path}.{key}" if path else str(key)
            if key in fields:
                yield from _below(inner, fields[key], inner_path)
            else:
                yield inner_path
    elif isinstance(kind, VarTupleType):
        for place, item in enumerate(value):
            yield from _below(item, kind.item_type, f"{path}[{place}]")
