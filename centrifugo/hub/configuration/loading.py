"""From a Centrifugo v6 configuration file and environment variables to the hub's configuration.

Source: https://centrifugal.dev/docs/server/configuration
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from centrifugo.durations import Duration
from centrifugo.hub.configuration.sections import META_TTL_S, ChannelOptions, HubConfig
from centrifugo.hub.configuration.unknown_keys import unknown_keys

logger = logging.getLogger(__name__)

TOKEN_KEY_VARIABLE = "CENTRIFUGO_CLIENT_TOKEN_HMAC_SECRET_KEY"  # noqa: S105 - its name, not its value
API_KEY_VARIABLE = "CENTRIFUGO_HTTP_API_KEY"
ORIGINS_VARIABLE = "CENTRIFUGO_CLIENT_ALLOWED_ORIGINS"


class InvalidConfiguration(Exception):
    """The hub cannot start with this configuration; the text names the key and what is wrong with it."""


def load(source: Path | str | Mapping[str, Any], environ: Mapping[str, str]) -> HubConfig:
    """Read a JSON file, or a mapping with the same content. Variables in `environ` override it.

    A key that the hub does not honour is without effect and named in a warning: a file that starts Centrifugo starts
    the hub. Raises InvalidConfiguration when the file cannot be read or a value has the wrong type.
    """
    settings = source if isinstance(source, Mapping) else _read(Path(source))
    try:
        config = msgspec.convert(settings, HubConfig, dec_hook=_convert)
    except ValueError as error:
        raise InvalidConfiguration(str(error)) from error
    _check(config)
    for key in unknown_keys(settings, HubConfig):
        logger.warning("the hub does not honour this key of the configuration: %s", key)
    return _overridden(config, environ)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidConfiguration(f"cannot read {path}: {error}") from error
    if not isinstance(settings, dict):
        raise InvalidConfiguration(f"{path} is not a JSON object")
    return settings


def _convert(kind: type, value: object) -> object:
    if kind is Duration:
        return Duration.parse(value)
    raise NotImplementedError(kind)


def _check(config: HubConfig) -> None:
    """Refuse what Centrifugo also refuses to start with."""
    if config.client.ping_interval <= config.client.pong_timeout:
        raise InvalidConfiguration("client.ping_interval: must be longer than client.pong_timeout")
    names = [namespace.name for namespace in config.channel.namespaces]
    if len(names) != len(set(names)):
        raise InvalidConfiguration("channel.namespaces: a name occurs twice")
    _check_options("channel.without_namespace", config.channel.without_namespace)
    for namespace in config.channel.namespaces:
        _check_options(f"channel.namespaces[{namespace.name}]", namespace)


def _check_options(where: str, options: ChannelOptions) -> None:
    if (options.history_size > 0) != (options.history_ttl > 0):
        raise InvalidConfiguration(f"{where}: history_size and history_ttl must be set together")
    if options.force_recovery and not options.keeps_history:
        raise InvalidConfiguration(f"{where}: force_recovery needs history_size and history_ttl")
    if options.history_ttl % 1:
        raise InvalidConfiguration(f"{where}: history_ttl must be whole seconds")
    if options.history_ttl > META_TTL_S:
        raise InvalidConfiguration(f"{where}: history_ttl must not exceed {META_TTL_S} s")


def _overridden(config: HubConfig, environ: Mapping[str, str]) -> HubConfig:
    """The configuration with the values of three variables; an empty variable counts as unset."""
    client, token, http_api = config.client, config.client.token, config.http_api
    if key := environ.get(TOKEN_KEY_VARIABLE):
        token = replace(token, hmac_secret_key=key)
    if key := environ.get(API_KEY_VARIABLE):
        http_api = replace(http_api, key=key)
    if origins := environ.get(ORIGINS_VARIABLE):
        client = replace(client, allowed_origins=tuple(origins.split()))
    return replace(config, client=replace(client, token=token), http_api=http_api)
