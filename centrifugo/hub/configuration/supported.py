"""Which keys of a Centrifugo configuration the hub honours, which it passes over, and which it must refuse."""

import logging
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

logger = logging.getLogger(__name__)

_ONE_TRANSPORT = "WebSocket is the one transport"
_NO_PROXIES = "the hub calls no proxies"
_HMAC_ONLY = "tokens are verified with an HMAC key"
_WHOLE_PUBLICATIONS = "publications are sent whole"

CANNOT_HONOUR: Mapping[str, str] = {
    "broker.enabled": "publications are kept in memory",
    "channel.*.allow_tags_filter": "publications are not filtered by tags",
    "channel.*.allowed_delta_types": _WHOLE_PUBLICATIONS,
    "channel.*.delta_publish": _WHOLE_PUBLICATIONS,
    "channel.*proxy*enabled": _NO_PROXIES,
    "client.*.ecdsa_public_key": _HMAC_ONLY,
    "client.*.jwks_public_endpoint": _HMAC_ONLY,
    "client.*.rsa_public_key": _HMAC_ONLY,
    "client.proxy.*.enabled": _NO_PROXIES,
    "consumers[].enabled": "the hub is published to in its own process or over the HTTP API",
    "grpc_api.enabled": "there is no GRPC API",
    "http_server.tls.enabled": "TLS ends at the proxy in front of the hub",
    "http_stream.enabled": _ONE_TRANSPORT,
    "presence_manager.enabled": "presence is kept in memory",
    "rpc.*proxy_enabled": _NO_PROXIES,
    "sse.enabled": _ONE_TRANSPORT,
    "uni_*.enabled": _ONE_TRANSPORT,
    "websocket.compression": "frames are not compressed",
    "webtransport.enabled": _ONE_TRANSPORT,
}
"""Must be absent, false or empty: a client that relies on it would fail later and less clearly."""

WITHOUT_EFFECT = (
    "$schema",
    "admin.*",
    "broker.*",
    "channel.*proxy*",
    "client.concurrency",
    "client.presence_update_interval",
    "client.proxy.*",
    "consumers[].*",
    "debug.*",
    "emulation.*",
    "engine.*",
    "grpc_api.*",
    "http_server.*",
    "http_stream.*",
    "log.*",
    "node.*",
    "presence_manager.*",
    "prometheus.*",
    "shutdown.*",
    "sse.*",
    "swagger.*",
    "uni_*.*",
    "usage_stats.*",
    "websocket.write_timeout",
    "webtransport.*",
)
"""Means something to Centrifugo and nothing to a hub in one process: passed over without a word."""


class CannotHonour(Exception):
    """The configuration asks for something that the hub does not do."""


def check(settings: Mapping[str, Any], shape: type[msgspec.Struct]) -> None:
    """Warn of the keys that nobody knows. Raises CannotHonour for a key that must not be set."""
    honoured = set(_paths_of(shape))
    for path, value in _leaves(settings):
        refusal = next((why for pattern, why in CANNOT_HONOUR.items() if fnmatchcase(path, pattern)), None)
        if refusal is not None:
            if value:
                raise CannotHonour(f"{path}: {refusal}")
        elif path not in honoured and not any(fnmatchcase(path, pattern) for pattern in WITHOUT_EFFECT):
            logger.warning("unknown key in the configuration: %s", path)


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Dotted path and value of everything set; the objects of a list share one path, `channel.namespaces[].name`."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for item in value:
            yield from _leaves(item, f"{path}[]")
    else:
        yield path, value


def _paths_of(shape: type[msgspec.Struct], path: str = "") -> Iterator[str]:
    for known in msgspec.structs.fields(shape):
        yield path + known.name
        kind = msgspec.inspect.type_info(known.type)
        if isinstance(kind, msgspec.inspect.StructType):
            yield from _paths_of(kind.cls, f"{path}{known.name}.")
        elif isinstance(kind, msgspec.inspect.VarTupleType) and isinstance(kind.item_type, msgspec.inspect.StructType):
            yield from _paths_of(kind.item_type.cls, f"{path}{known.name}[].")
