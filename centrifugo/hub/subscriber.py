"""The port through which the hub reaches a connected client."""

from typing import Protocol

from msgspec import Raw

from centrifugo.hub.protocol.codes import Disconnect, Unsubscribe
from centrifugo.hub.protocol.replies import ClientInfo


class Subscriber(Protocol):
    """A connected client."""

    user: str
    client: str

    @property
    def info(self) -> ClientInfo:
        """What other clients may know of this one."""

    def deliver(self, push: bytes) -> None:
        """Queue an encoded push; never waits."""

    def disconnect(self, disconnect: Disconnect) -> None:
        """Unsubscribe from everything and close the connection with this code."""

    def unsubscribe(self, channel: str, unsubscribe: Unsubscribe) -> None:
        """Unsubscribe from the channel. The client gets the push even if it was not subscribed."""

    def subscribe_by_server(self, channel: str, data: Raw) -> None:
        """Subscribe to the channel. The client gets the push even if it was subscribed already."""

    def refresh_by_server(self, expire_at: int) -> None:
        """Move the connection's expiry (Unix seconds, 0: never). A time in the past ends the connection (3005)."""
