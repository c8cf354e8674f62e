"""One client's connection: which command comes when, what it is answered and what else it is told. No sockets.

Source: https://centrifugal.dev/docs/transports/client_protocol
"""

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from msgspec import Raw

from centrifugo.hub import codes, protocol
from centrifugo.hub.codes import Disconnect, Disconnected, Refused, Unsubscribe
from centrifugo.hub.connection import connecting, in_channel, subscribing
from centrifugo.hub.connection.heartbeat import Heartbeat
from centrifugo.hub.hub import Hub
from centrifugo.hub.protocol import (
    NOTHING,
    ChannelRequest,
    ClientInfo,
    ConnectRequest,
    ConnectResult,
    EmptyResult,
    HistoryRequest,
    HistoryResult,
    PresenceResult,
    PresenceStatsResult,
    PublishRequest,
    Recover,
    RefreshRequest,
    RefreshResult,
    RpcRequest,
    SendRequest,
    SubRefreshRequest,
    SubscribeRequest,
    SubscribeResult,
)
from centrifugo.hub.subscription import Subscription
from centrifugo.hub.timers import Timer
from centrifugo.hub.token_verifier import ConnectionGrant, ServerSubscription

VERSION = "6.9.1 OSS"  # of the server whose protocol this is
REFUSED_CLOSE_DELAY_S = 5.0


class Transport(Protocol):
    """What carries one connection."""

    def send(self, line: bytes) -> None:
        """Queue one reply or push; never waits."""

    def close(self, disconnect: Disconnect) -> None:
        """Send what is queued, then a close frame with this code and reason."""

    def drop(self) -> None:
        """End the connection without a close frame."""


class Connection:
    """A client from the opening of its socket to the end.

    Feed it with `execute`, a line of a frame at a time, and say `lost` when the socket is gone. `pings` is off when the
    transport itself sees to it that the other side is alive.
    """

    def __init__(self, hub: Hub, transport: Transport, *, pings: bool = True) -> None:
        self.user = ""
        self.client = str(uuid.uuid4())
        self.is_over = False
        self._hub = hub
        self._config = hub.config.client
        self._transport = transport
        self._pings = pings
        self._conn_info: Raw = NOTHING
        self._subscriptions: dict[str, Subscription] = {}
        self._granted_channels: set[str] | None = None  # by the connection token; None before connect
        self._deadline: Timer | None = hub.after(self._config.stale_close_delay, self._grow_stale)
        self._heartbeat = Heartbeat(hub, ping=self._ping, missed=self._miss_pong)
        self._afterwards: list[Callable[[], None]] = []  # what follows the reply to the command in hand

    # From the client

    def execute(self, line: str) -> None:
        """Carry out one command; what it leads to goes to the transport. Does nothing once the connection is over."""
        if self.is_over:
            return
        try:
            command = protocol.command(line)
            if command.is_pong:
                self._heartbeat.pong()
            else:
                self._answer(command.id or 0, *command.request())
        except protocol.Malformed:
            self.disconnect(codes.PROTOCOL_VIOLATION)
        except Disconnected as disconnected:
            self.disconnect(disconnected.disconnect)

    def lost(self) -> None:
        """The socket is gone: leave every channel. May be said more than once."""
        self.is_over = True
        self._heartbeat.stop()
        if self._deadline is not None:
            self._deadline.cancel()
        for channel in list(self._subscriptions):
            self._leave(channel)
        self._hub.remove_connection(self)

    def _answer(self, command_id: int, method: str, request: protocol.Request) -> None:
        is_connect = method == "connect"
        if is_connect == self._is_connected:  # connect comes first, and once
            raise Disconnected(codes.PROTOCOL_VIOLATION)
        try:
            reply = protocol.reply(command_id, method, _HANDLERS[method](self, request))
        except Refused as refused:
            self._transport.send(protocol.error_reply(command_id, refused.error))
            if is_connect:
                self._refuse_connection()
            return
        self._transport.send(reply)
        self._follow_up()

    def _follow_up(self) -> None:
        afterwards, self._afterwards = self._afterwards, []
        for call in afterwards:
            call()

    @property
    def _is_connected(self) -> bool:
        return self._granted_channels is not None

    # The connection itself

    def _connect(self, request: ConnectRequest) -> ConnectResult:
        if self._hub.is_closed:
            raise Disconnected(codes.SHUTDOWN)
        grant = connecting.granted(self._hub, request.token)
        ttl = connecting.ttl(self._hub, grant.expire_at)
        others = self._hub.connections(grant.user)
        if grant.user and 0 < self._config.user_connection_limit <= len(others):
            raise Disconnected(codes.CONNECTION_LIMIT)
        self.user, self._conn_info = grant.user, grant.info
        subs = self._subscribe_by_server(grant, request.subs or {})
        self._granted_channels = set(grant.subscriptions)
        self._hub.add_connection(self)
        self._expire_after(ttl)
        if self._pings:
            self._heartbeat.start()
        return ConnectResult(
            client=self.client,
            version=VERSION,
            expires=ttl > 0,
            ttl=ttl,
            subs=subs,
            ping=int(self._config.ping_interval) if self._pings else 0,
            pong=self._pings,
            time=int(self._hub.clock() * 1000) if self._config.connect_include_server_time else 0,
        )

    def _refuse_connection(self) -> None:
        """After an error reply to connect nothing more is answered, and soon the socket is dropped."""
        self.lost()
        self._deadline = self._hub.after(REFUSED_CLOSE_DELAY_S, self._transport.drop)

    def _grow_stale(self) -> None:
        self.disconnect(codes.STALE)

    def _expire_after(self, ttl: int) -> None:
        """Allow `ttl` seconds, and a grace, until the next refresh; 0 is for ever."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._hub.after(ttl + self._config.expired_close_delay, self._expire) if ttl else None

    def _expire(self) -> None:
        self.disconnect(codes.CONNECTION_EXPIRED)

    def _ping(self) -> None:
        self._transport.send(protocol.PING)

    def _miss_pong(self) -> None:
        self.disconnect(codes.NO_PONG)

    def _refresh(self, request: RefreshRequest) -> RefreshResult:
        assert self._granted_channels is not None, "connect came first"
        grant = connecting.granted_again(self._hub, request.token, self.user, self._granted_channels)
        ttl = subscribing.ttl(self._hub, grant.expire_at)
        self._conn_info = grant.info
        self._expire_after(ttl)
        return RefreshResult(expires=ttl > 0, ttl=ttl)

    # Subscriptions

    def _subscribe(self, request: SubscribeRequest) -> SubscribeResult:
        channel = _named(request.channel)
        self._hub.rules.check_length(channel)
        if channel in self._subscriptions:
            raise Refused(codes.ALREADY_SUBSCRIBED)
        if 0 < self._config.channel_limit <= len(self._subscriptions):
            raise Refused(codes.LIMIT_EXCEEDED)
        subscription = subscribing.by_client(self._hub, self.user, self.client, request, channel)
        position = Recover(request.recover, request.offset, request.epoch)
        result = subscribing.result(self._hub, subscription, position, request.flag or 0)
        self._enter(subscription, result.ttl)
        return result

    def _subscribe_by_server(
        self, grant: ConnectionGrant, recover: Mapping[str, Recover]
    ) -> dict[str, SubscribeResult]:
        results = {}
        for subscription in connecting.subscriptions(self._hub, grant, recover):
            position = recover.get(subscription.channel, Recover())
            results[subscription.channel] = subscribing.result(self._hub, subscription, position)
            self._enter(subscription, 0)
        return results

    def _enter(self, subscription: Subscription, ttl: int) -> None:
        self._subscriptions[subscription.channel] = subscription
        self._hub.add_subscription(self, subscription)
        self._expire_subscription_after(subscription, ttl)
        self._afterwards.append(lambda: self._hub.announce_join(self, subscription))

    def _leave(self, channel: str) -> bool:
        subscription = self._subscriptions.pop(channel, None)
        if subscription is None:
            return False
        if subscription.timer is not None:
            subscription.timer.cancel()
        self._hub.remove_subscription(self, subscription)
        return True

    def _expire_subscription_after(self, subscription: Subscription, ttl: int) -> None:
        if subscription.timer is not None:
            subscription.timer.cancel()
        subscription.timer = None
        if ttl:
            grace_s = self._config.expired_sub_close_delay
            subscription.timer = self._hub.after(ttl + grace_s, lambda: self._expire_subscription(subscription))

    def _expire_subscription(self, subscription: Subscription) -> None:
        if subscription.is_server_side:
            self.disconnect(codes.SERVER_SUBSCRIPTION_EXPIRED)
        else:
            self.unsubscribe(subscription.channel, codes.SUBSCRIPTION_EXPIRED)

    def _sub_refresh(self, request: SubRefreshRequest) -> RefreshResult:
        channel = _named(request.channel)
        subscription = self._subscriptions.get(channel)
        if subscription is None:
            raise Refused(codes.PERMISSION_DENIED)
        if not request.token:
            raise Refused(codes.BAD_REQUEST)
        try:
            grant = subscribing.granted(self._hub, self.user, self.client, channel, request.token)
        except Refused as refused:
            if refused.error is codes.PERMISSION_DENIED:
                raise Disconnected(codes.INVALID_TOKEN) from None
            if refused.error is codes.TOKEN_EXPIRED:
                # An error would end the subscription in the client; this makes it come back with a new token.
                self._afterwards.append(lambda: self._expire_subscription(subscription))
                return RefreshResult()
            raise
        ttl = subscribing.ttl(self._hub, grant.expire_at)
        subscription.chan_info = grant.info
        self._expire_subscription_after(subscription, ttl)
        return RefreshResult(expires=ttl > 0, ttl=ttl)

    def _unsubscribe(self, request: ChannelRequest) -> EmptyResult:
        self._leave(_named(request.channel))
        return EmptyResult()

    # In channels

    def _publish(self, request: PublishRequest) -> EmptyResult:
        channel, subscription = self._place(request.channel)
        in_channel.publish(self._hub, self, channel, subscription, bytes(request.data))
        return EmptyResult()

    def _presence(self, request: ChannelRequest) -> PresenceResult:
        return PresenceResult(in_channel.present(self._hub, self, *self._place(request.channel)))

    def _presence_stats(self, request: ChannelRequest) -> PresenceStatsResult:
        return PresenceStatsResult.of(in_channel.present(self._hub, self, *self._place(request.channel)))

    def _history(self, request: HistoryRequest) -> HistoryResult:
        return in_channel.history(self._hub, self, *self._place(request.channel), request)

    def _place(self, name: str | None) -> tuple[str, Subscription | None]:
        """A channel, and the subscription to it if there is one."""
        channel = _named(name)
        return channel, self._subscriptions.get(channel)

    def _rpc(self, request: RpcRequest) -> EmptyResult:
        raise Refused(codes.NOT_AVAILABLE)

    def _send(self, request: SendRequest) -> EmptyResult:
        raise Disconnected(codes.SEND_NOT_AVAILABLE)

    # From the hub

    def deliver(self, push: bytes) -> None:
        self._transport.send(push)

    def info(self, subscription: Subscription) -> ClientInfo:
        return ClientInfo(
            user=self.user, client=self.client, conn_info=self._conn_info, chan_info=subscription.chan_info
        )

    def disconnect(self, disconnect: Disconnect) -> None:
        if not self.is_over:
            self.lost()
            self._transport.close(disconnect)

    def unsubscribe(self, channel: str, unsubscribe: Unsubscribe) -> None:
        self._leave(channel)
        self._transport.send(protocol.unsubscribe_push(channel, unsubscribe))

    def subscribe_by_server(self, channel: str, grant: ServerSubscription, expire_at: int) -> None:
        subscription = self._subscriptions.get(channel)
        is_new = subscription is None
        if subscription is None:
            if 0 < self._config.channel_limit <= len(self._subscriptions):
                self.disconnect(codes.CHANNEL_LIMIT)
                return
            subscription = subscribing.by_server(self._hub, channel, grant)
            subscription.expire_at = expire_at
        result = subscribing.result(self._hub, subscription, Recover())
        result.expires, ttl, result.ttl = False, result.ttl, 0
        self._transport.send(protocol.subscribe_push(channel, result))
        if is_new:
            self._enter(subscription, ttl)
            self._follow_up()

    def refresh_by_server(self, expire_at: int, conn_info: Raw) -> None:
        try:
            ttl = subscribing.ttl(self._hub, expire_at)
        except Refused:
            self.disconnect(codes.CONNECTION_EXPIRED)
            return
        if conn_info is not NOTHING:
            self._conn_info = conn_info
        self._expire_after(ttl)
        self._transport.send(protocol.refresh_push(RefreshResult(expires=ttl > 0, ttl=ttl)))


def _named(channel: str | None) -> str:
    if not channel:
        raise Disconnected(codes.PROTOCOL_VIOLATION)
    return channel


_HANDLERS: Mapping[str, Callable[[Connection, Any], protocol.Result]] = {
    "connect": Connection._connect,
    "subscribe": Connection._subscribe,
    "unsubscribe": Connection._unsubscribe,
    "publish": Connection._publish,
    "presence": Connection._presence,
    "presence_stats": Connection._presence_stats,
    "history": Connection._history,
    "rpc": Connection._rpc,
    "send": Connection._send,
    "refresh": Connection._refresh,
    "sub_refresh": Connection._sub_refresh,
}
