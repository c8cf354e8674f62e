"""The channels that one client is subscribed to, and when each subscription expires."""

from msgspec import Raw

from centrifugo.hub.connection import recovery
from centrifugo.hub.connection.grants import seconds_left, subscription_grant
from centrifugo.hub.connection.permissions import check_channel_name, check_subscribe, required
from centrifugo.hub.hub import Hub
from centrifugo.hub.protocol.client_commands import StreamPosition, SubRefreshCommand, SubscribeCommand
from centrifugo.hub.protocol.codes import (
    ALREADY_SUBSCRIBED,
    BAD_REQUEST,
    CHANNEL_LIMIT,
    INVALID_TOKEN,
    LIMIT_EXCEEDED,
    PERMISSION_DENIED,
    SUBSCRIPTION_EXPIRED,
    Disconnected,
    Refused,
)
from centrifugo.hub.protocol.replies import RefreshResult, SubscribeResult
from centrifugo.hub.subscriber import Subscriber
from centrifugo.hub.timers import Timer

MAX_CHANNELS = 128
EXPIRY_GRACE_S = 25  # for the client to refresh a subscription that has expired


class Subscriptions:
    """The subscriptions of one client.

    The client is passed to each call. A reference to it here would be a cycle, and would keep a client that has gone
    until the garbage collector runs.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._expiries: dict[str, Timer | None] = {}  # by channel

    def __contains__(self, channel: str) -> bool:
        return channel in self._expiries

    def subscribe(self, client: Subscriber, command: SubscribeCommand) -> SubscribeResult:
        """Raises Refused or Disconnected."""
        channel = required(command.channel)
        if channel in self:
            raise Refused(ALREADY_SUBSCRIBED)
        if len(self._expiries) >= MAX_CHANNELS:
            raise Refused(LIMIT_EXCEEDED)
        _check_supported(command)
        options = self._hub.namespaces.options(channel)
        check_channel_name(channel)
        ttl_s = 0
        if command.token:
            grant = subscription_grant(self._hub, command.token, client.user, channel)
            ttl_s = seconds_left(self._hub, grant.expire_at)
        else:
            check_subscribe(options)
        if command.recover:
            since = StreamPosition(command.offset, command.epoch)
            result = recovery.recovered(self._hub, channel, options, since)
        else:
            result = recovery.position(self._hub, channel, options)
        result.expires, result.ttl = ttl_s > 0, ttl_s
        self._add(client, channel, ttl_s)
        return result

    def subscribe_by_server(self, client: Subscriber, channel: str, data: Raw) -> SubscribeResult:
        """Subscribe without asking the client, who may be subscribed already. Raises Disconnected at the limit."""
        if channel not in self:
            if len(self._expiries) >= MAX_CHANNELS:
                raise Disconnected(CHANNEL_LIMIT)
            self._add(client, channel, 0)
        result = recovery.position(self._hub, channel, self._hub.namespaces.options(channel))
        result.data = data
        return result

    def refresh(self, client: Subscriber, command: SubRefreshCommand) -> RefreshResult:
        """Raises Refused or Disconnected."""
        channel = required(command.channel)
        if channel not in self:
            raise Refused(PERMISSION_DENIED)
        if not command.token:
            raise Refused(BAD_REQUEST)
        try:
            grant = subscription_grant(self._hub, command.token, client.user, channel)
        except Refused as refused:
            if refused.error is PERMISSION_DENIED:
                raise Disconnected(INVALID_TOKEN) from None
            raise
        ttl_s = seconds_left(self._hub, grant.expire_at)
        self._expire_after(client, channel, ttl_s)
        return RefreshResult.lasting(ttl_s)

    def unsubscribe(self, client: Subscriber, channel: str) -> None:
        """Does nothing when the client is not subscribed."""
        if channel in self:
            self._cancel_expiry(channel)
            del self._expiries[channel]
            self._hub.subscribers.remove(channel, client)

    def unsubscribe_all(self, client: Subscriber) -> None:
        for channel in list(self._expiries):
            self.unsubscribe(client, channel)

    def _add(self, client: Subscriber, channel: str, ttl_s: int) -> None:
        self._expiries[channel] = None
        self._hub.subscribers.add(channel, client)
        self._expire_after(client, channel, ttl_s)

    def _expire_after(self, client: Subscriber, channel: str, ttl_s: int) -> None:
        """Allow `ttl_s` seconds and a grace until the next refresh; 0 is without end."""
        self._cancel_expiry(channel)
        if ttl_s:
            self._expiries[channel] = self._hub.after(
                ttl_s + EXPIRY_GRACE_S, lambda: client.unsubscribe(channel, SUBSCRIPTION_EXPIRED)
            )

    def _cancel_expiry(self, channel: str) -> None:
        expiry = self._expiries[channel]
        if expiry is not None:
            expiry.cancel()
        self._expiries[channel] = None


def _check_supported(command: SubscribeCommand) -> None:
    """Subscriptions are to streams of all publications."""
    if command.type:
        raise Refused(PERMISSION_DENIED)
    if bytes(command.tf) not in (b"", b"null"):
        raise Refused(BAD_REQUEST)
