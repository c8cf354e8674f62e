"""The keys of a Centrifugo v6 configuration that the hub honours, with Centrifugo's defaults.

Every other key is without effect, and `load` warns of it.

Source: https://centrifugal.dev/docs/server/configuration
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

from centrifugo.durations import Duration

META_TTL_S = 720 * 3600
"""How long a channel's offset and epoch are kept after its last use: Centrifugo's `channel.history_meta_ttl`."""

Count = Annotated[int, Meta(ge=0)]


class ChannelOptions(Struct, frozen=True, kw_only=True):
    """What the channels of one namespace offer, and to whom. Everything is off unless it is switched on."""

    presence: bool = False
    join_leave: bool = False
    force_push_join_leave: bool = False
    history_size: Count = 0
    history_ttl: Duration = Duration(0)
    force_recovery: bool = False
    allow_subscribe_for_client: bool = False
    allow_publish_for_subscriber: bool = False
    allow_presence_for_subscriber: bool = False
    allow_history_for_subscriber: bool = False

    @property
    def keeps_history(self) -> bool:
        """`load` makes sure that size and time to live are set together."""
        return self.history_size > 0

    @property
    def pushes_join_leave(self) -> bool:
        """Whether subscribers get a push when another joins or leaves."""
        return self.join_leave and self.force_push_join_leave


class NamespaceOptions(ChannelOptions, frozen=True, kw_only=True):
    name: Annotated[str, Meta(pattern=r"^[-a-zA-Z0-9_.]{2,}$")]


class TokenSection(Struct, frozen=True, kw_only=True):
    """How tokens are verified. Without a key every token is invalid."""

    hmac_secret_key: str = ""
    audience: str = ""
    issuer: str = ""


class ClientSection(Struct, frozen=True, kw_only=True):
    token: TokenSection = TokenSection()
    allowed_origins: tuple[str, ...] = ()
    ping_interval: Duration = Duration(25)
    pong_timeout: Duration = Duration(8)
    queue_max_size: Count = 1_048_576
    """Bytes that may wait for one client. Here, unlike in Centrifugo, the connections of a user share them."""
    user_connection_limit: Count = 0
    """Connections of one user; 0 is without limit."""
    recovery_max_publication_limit: Count = 300


class HttpApiSection(Struct, frozen=True, kw_only=True):
    key: str = ""


class ChannelSection(Struct, frozen=True, kw_only=True):
    without_namespace: ChannelOptions = ChannelOptions()
    namespaces: tuple[NamespaceOptions, ...] = ()


class WebSocketSection(Struct, frozen=True, kw_only=True):
    write_timeout: Any = None
    """Without effect: a client that does not read is cut off at `client.queue_max_size`."""


class HubConfig(Struct, frozen=True, kw_only=True):
    client: ClientSection = ClientSection()
    http_api: HttpApiSection = HttpApiSection()
    channel: ChannelSection = ChannelSection()
    websocket: WebSocketSection = WebSocketSection()

    prometheus: Any = None
    health: Any = None
    usage_stats: Any = None
    """These three are without effect too. config.json has them for Centrifugo, so they cause no warning."""
