"""What the hub reads of a Centrifugo v6 configuration: the same keys and defaults.

Source: https://centrifugal.dev/docs/server/configuration
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from centrifugo.durations import Duration
from centrifugo.hub.configuration import environment_variables as environment
from centrifugo.hub.configuration import supported

Count = Annotated[int, Meta(ge=0)]


class InvalidConfiguration(Exception):
    """The hub cannot start with this configuration; the text names the key and what is wrong with it."""


class ChannelOptions(Struct, frozen=True, kw_only=True):
    """What is on and who may do what in the channels of one namespace. Everything is off unless said otherwise."""

    presence: bool = False
    join_leave: bool = False
    force_push_join_leave: bool = False
    history_size: Count = 0
    history_ttl: Duration = Duration(0)
    history_meta_ttl: Duration = Duration(0)
    force_positioning: bool = False
    allow_positioning: bool = False
    force_recovery: bool = False
    allow_recovery: bool = False
    force_recovery_mode: Literal["", "stream", "cache"] = ""
    auto_cache_recover: bool = False
    allow_subscribe_for_client: bool = False
    allow_subscribe_for_anonymous: bool = False
    allow_publish_for_client: bool = False
    allow_publish_for_subscriber: bool = False
    allow_publish_for_anonymous: bool = False
    allow_presence_for_client: bool = False
    allow_presence_for_subscriber: bool = False
    allow_presence_for_anonymous: bool = False
    allow_history_for_client: bool = False
    allow_history_for_subscriber: bool = False
    allow_history_for_anonymous: bool = False
    allow_user_limited_channels: bool = False
    channel_regex: str = ""
    publication_data_format: Literal["", "json", "json_object"] = ""
    subscription_type: Literal["", "stream"] = ""

    @property
    def keeps_history(self) -> bool:
        """`load` sees to it that size and time to live are set together."""
        return self.history_size > 0


class Namespace(ChannelOptions, frozen=True, kw_only=True):
    name: Annotated[str, Meta(pattern=r"^[-a-zA-Z0-9_.]{2,}$")]


class Token(Struct, frozen=True, kw_only=True):
    """How tokens are verified; without a secret every token is invalid."""

    hmac_secret_key: str = ""
    hmac_previous_secret_key: str = ""
    hmac_previous_secret_key_valid_until: int = 0
    audience: str = ""
    audience_regex: str = ""
    issuer: str = ""
    issuer_regex: str = ""


class SubscriptionToken(Token, frozen=True, kw_only=True):
    """Verifies subscription tokens in place of `client.token`, when enabled."""

    enabled: bool = False


class PersonalChannel(Struct, frozen=True, kw_only=True):
    """Subscribes every user, server-side, to `#<user>` or `<namespace>:#<user>`."""

    enabled: bool = False
    personal_channel_namespace: str = ""


class Client(Struct, frozen=True, kw_only=True):
    token: Token = Token()
    subscription_token: SubscriptionToken = SubscriptionToken()
    subscribe_to_user_personal_channel: PersonalChannel = PersonalChannel()
    allowed_origins: tuple[str, ...] = ()
    allow_anonymous_connect_without_token: bool = False
    disallow_anonymous_connection_tokens: bool = False
    insecure: bool = False
    connect_include_server_time: bool = False
    ping_interval: Duration = Duration(25)
    pong_timeout: Duration = Duration(8)
    stale_close_delay: Duration = Duration(10)
    expired_close_delay: Duration = Duration(25)
    expired_sub_close_delay: Duration = Duration(25)
    channel_limit: Count = 128
    user_connection_limit: Count = 0
    queue_max_size: Count = 1_048_576
    history_max_publication_limit: Count = 300
    recovery_max_publication_limit: Count = 300


class HttpApi(Struct, frozen=True, kw_only=True):
    key: str = ""
    error_mode: Literal["", "transport"] = ""
    insecure: bool = False
    disabled: bool = False
    external: bool = False


class Channels(Struct, frozen=True, kw_only=True):
    without_namespace: ChannelOptions = ChannelOptions()
    namespaces: tuple[Namespace, ...] = ()
    history_meta_ttl: Duration = Duration(720 * 3600)
    max_length: Count = 255


class WebSocket(Struct, frozen=True, kw_only=True):
    message_size_limit: Count = 65_536


class Engine(Struct, frozen=True, kw_only=True):
    """Everything is kept in memory; there is no other engine here."""

    type: Literal["", "memory"] = "memory"


class Health(Struct, frozen=True, kw_only=True):
    enabled: bool = False


class Config(Struct, frozen=True, kw_only=True):
    client: Client = Client()
    http_api: HttpApi = HttpApi()
    channel: Channels = Channels()
    websocket: WebSocket = WebSocket()
    engine: Engine = Engine()
    health: Health = Health()


def load(source: Path | str | Mapping[str, Any], environ: Mapping[str, str]) -> Config:
    """Read a JSON file (or what one would hold); the variables of `environ` go before it.

    A key that the hub does not know is named in a warning and ignored, as Centrifugo does. Raises InvalidConfiguration
    when the file cannot be read, a value has the wrong shape, or the hub cannot do what it asks for.
    """
    settings = source if isinstance(source, Mapping) else _read(Path(source))
    try:
        settings = environment.overlay(settings, environ, Config, Namespace)
        supported.check(settings, Config)
        config = msgspec.convert(settings, Config, dec_hook=_convert)
    except (ValueError, supported.CannotHonour) as error:
        raise InvalidConfiguration(str(error)) from error
    _check_sense(config)
    return config


def _read(path: Path) -> Mapping[str, Any]:
    try:
        settings = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InvalidConfiguration(f"cannot read {path}: {error}") from error
    if not isinstance(settings, dict):
        raise InvalidConfiguration(f"{path} is not a JSON object")
    return settings


def _convert(kind: type, value: object) -> object:
    if kind is Duration:
        return Duration.parse(value)
    raise NotImplementedError(kind)


def _check_sense(config: Config) -> None:
    """What Centrifugo, too, refuses to start with."""
    if config.client.ping_interval <= config.client.pong_timeout:
        raise InvalidConfiguration("client.ping_interval: must be longer than client.pong_timeout")
    names = [namespace.name for namespace in config.channel.namespaces]
    if len(names) != len(set(names)):
        raise InvalidConfiguration("channel.namespaces: a name occurs twice")
    personal = config.client.subscribe_to_user_personal_channel
    if personal.enabled and personal.personal_channel_namespace not in ("", *names):
        raise InvalidConfiguration("client.subscribe_to_user_personal_channel: there is no such namespace")
    _check_options("channel.without_namespace", config.channel.without_namespace, config)
    for namespace in config.channel.namespaces:
        _check_options(f"channel.namespaces[{namespace.name}]", namespace, config)


def _check_options(where: str, options: ChannelOptions, config: Config) -> None:
    if (options.history_size > 0) != (options.history_ttl > 0):
        raise InvalidConfiguration(f"{where}: history_size and history_ttl must be set together")
    if options.force_recovery and not options.keeps_history:
        raise InvalidConfiguration(f"{where}: force_recovery needs history_size and history_ttl")
    if options.history_ttl % 1:
        raise InvalidConfiguration(f"{where}: history_ttl must be whole seconds")
    if options.history_ttl > (options.history_meta_ttl or config.channel.history_meta_ttl):
        raise InvalidConfiguration(f"{where}: history_ttl must not exceed history_meta_ttl")
    try:
        re.compile(options.channel_regex)
    except re.error as error:
        raise InvalidConfiguration(f"{where}: channel_regex: {error}") from error
