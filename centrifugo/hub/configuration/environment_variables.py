"""Environment variables that go before the configuration file: `CENTRIFUGO_` and the key's path in capitals.

Source: https://centrifugal.dev/docs/server/configuration
"""

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

import msgspec

logger = logging.getLogger(__name__)

PREFIX = "CENTRIFUGO_"
NAMESPACES = f"{PREFIX}CHANNEL_NAMESPACES"


def overlay(
    settings: Mapping[str, Any],
    environ: Mapping[str, str],
    shape: type[msgspec.Struct],
    namespace: type[msgspec.Struct],
) -> dict[str, Any]:
    """`settings` with what the variables say in their place; an empty variable counts as unset.

    `shape` and `namespace` say which keys there are, in the file and in each of its namespaces. Lists are separated by
    spaces. `CENTRIFUGO_CHANNEL_NAMESPACES` is a JSON array that replaces the file's namespaces, or names that join
    them; `CENTRIFUGO_CHANNEL_NAMESPACES_<NAME>_<OPTION>` sets one option. Raises ValueError for a bad JSON array.
    """
    unread = {name: text for name, text in environ.items() if name.startswith(PREFIX) and text}
    merged: dict[str, Any] = _overlay(settings, unread, shape, PREFIX)
    if isinstance(merged["channel"], Mapping):
        merged["channel"] = _namespaces(merged["channel"], unread, namespace)
    for name in unread:
        logger.warning("unknown variable in the environment: %s", name)
    return merged


def _overlay(settings: Any, unread: dict[str, str], shape: type[msgspec.Struct], prefix: str) -> Any:
    """Takes the variables it knows out of `unread`; what is no section is left for validation to refuse."""
    if not isinstance(settings, Mapping):
        return settings
    merged = dict(settings)
    for known in msgspec.structs.fields(shape):
        variable = prefix + known.name.upper()
        kind = msgspec.inspect.type_info(known.type)
        if isinstance(kind, msgspec.inspect.StructType):
            merged[known.name] = _overlay(merged.get(known.name, {}), unread, kind.cls, f"{variable}_")
        elif variable in unread and variable != NAMESPACES:
            merged[known.name] = _value(unread.pop(variable), kind)
    return merged


def _value(text: str, kind: msgspec.inspect.Type) -> object:
    if isinstance(kind, msgspec.inspect.VarTupleType):
        return text.split()
    if isinstance(kind, msgspec.inspect.IntType | msgspec.inspect.BoolType):
        return msgspec.convert(text, bool if isinstance(kind, msgspec.inspect.BoolType) else int, strict=False)
    return text


def _namespaces(channel: Mapping[str, Any], unread: dict[str, str], shape: type[msgspec.Struct]) -> dict[str, Any]:
    namespaces = list(channel.get("namespaces") or [])
    listed = unread.pop(NAMESPACES, "")
    if listed.lstrip().startswith("["):
        namespaces = json.loads(listed)
    else:
        namespaces += [{"name": name} for name in listed.split()]
    return {**channel, "namespaces": [_overlay(each, unread, shape, _prefix(each)) for each in namespaces]}


def _prefix(namespace: Any) -> str:
    name = str(namespace.get("name")) if isinstance(namespace, Mapping) else ""
    return f"{NAMESPACES}_{re.sub('[-.]', '_', name).upper()}_"
