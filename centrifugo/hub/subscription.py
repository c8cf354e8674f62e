"""One client in one channel, and the port through which the hub reaches that client."""

from typing import Protocol

from msgspec import Raw, Struct

from centrifugo.hub.codes import Disconnect, Unsubscribe
from centrifugo.hub.configuration.options import ChannelOptions
from centrifugo.hub.protocol import NOTHING, ClientInfo
from centrifugo.hub.timers import Timer
from centrifugo.hub.token_verifier import Override, ServerSubscription


class Subscription(Struct, kw_only=True, eq=False):
    """What a client's place in a channel includes. `expire_at` is in Unix seconds, 0 for ever."""

    channel: str
    chan_info: Raw = NOTHING
    data: Raw = NOTHING
    presence: bool = False
    announces: bool = False  # others are told of its join and leave
    is_told: bool = False  # it is told of others'
    positioned: bool = False
    recoverable: bool = False
    recovers_newest: bool = False  # recovery is the newest publication, whatever was missed
    recovers_unasked: bool = False
    is_server_side: bool = False
    expire_at: int = 0
    timer: Timer | None = None


def with_override(options: ChannelOptions, override: Override) -> dict[str, bool]:
    """The options that a token may override, as they are for its subscription."""
    names = ("presence", "join_leave", "force_push_join_leave", "force_recovery", "force_positioning")
    resolved: dict[str, bool] = {}
    for name in names:
        switch = getattr(override, name)
        resolved[name] = getattr(options, name) if switch is None else switch.value
    return resolved


class Subscriber(Protocol):
    """A connected client, as the hub sees it."""

    user: str
    client: str

    def deliver(self, push: bytes) -> None:
        """Queue an encoded push; never waits."""

    def info(self, subscription: Subscription) -> ClientInfo:
        """What others may know of this client in that channel."""

    def disconnect(self, disconnect: Disconnect) -> None:
        """Leave everything and close the connection with this code."""

    def unsubscribe(self, channel: str, unsubscribe: Unsubscribe) -> None:
        """Leave the channel, if it is subscribed, and tell the client so in any case."""

    def subscribe_by_server(self, channel: str, grant: ServerSubscription, expire_at: int) -> None:
        """Enter the channel, unless it is subscribed, and tell the client so."""

    def refresh_by_server(self, expire_at: int, conn_info: Raw) -> None:
        """Let the connection go on until then (Unix seconds, 0: for ever); a time that has passed ends it (3005)."""
