"""One client's connection: its commands, its replies and pushes, and how it ends. No sockets.

Source: https://centrifugal.dev/docs/transports/client_protocol
"""

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from msgspec import Raw

from centrifugo.hub.connection import channel_commands
from centrifugo.hub.connection.grants import connect_grant, is_over, refresh_grant, seconds_left
from centrifugo.hub.connection.heartbeat import Heartbeat
from centrifugo.hub.connection.permissions import required
from centrifugo.hub.connection.subscriptions import Subscriptions
from centrifugo.hub.hub import Hub
from centrifugo.hub.protocol import client_commands, codes, replies
from centrifugo.hub.protocol.client_commands import (
    ChannelCommand,
    ConnectCommand,
    HistoryCommand,
    PublishCommand,
    RefreshCommand,
    SubRefreshCommand,
    SubscribeCommand,
    UnsupportedCommand,
)
from centrifugo.hub.protocol.codes import Disconnect, Disconnected, Refused, Unsubscribe
from centrifugo.hub.protocol.replies import (
    ClientInfo,
    ConnectResult,
    EmptyResult,
    HistoryResult,
    PresenceResult,
    PresenceStatsResult,
    RefreshResult,
    SubscribeResult,
)
from centrifugo.hub.timers import Timer

STALE_AFTER_S = 10  # without a connect
REFUSED_CLOSE_DELAY_S = 5  # for the client to close the connection after an error reply to its connect
EXPIRY_GRACE_S = 25  # for the client to refresh a connection that has expired


class Transport(Protocol):
    """What carries one connection."""

    def send(self, line: bytes) -> None:
        """Queue one reply or push; never waits."""

    def close(self, disconnect: Disconnect) -> None:
        """Send what is queued, then a close frame with this code and reason."""

    def drop(self) -> None:
        """End the connection without a close frame."""


class ClientConnection:
    """A client from the opening of its socket to the end.

    Call `execute` for each line of each frame, and `lost` when the socket is gone.
    """

    def __init__(self, hub: Hub, transport: Transport) -> None:
        self.user = ""
        self.client = str(uuid.uuid4())
        self._hub = hub
        self._transport = transport
        self._is_connected = False
        self._is_over = False
        self._subscriptions = Subscriptions(hub)
        self._deadline: Timer | None = hub.after(STALE_AFTER_S, self._go_stale)
        self._heartbeat = Heartbeat(hub, ping=self._ping, missed=self._miss_pong)
        self._after_reply: list[Callable[[], None]] = []

    # From the client

    def execute(self, line: str) -> None:
        """Carry out one command; replies and pushes go to the transport. Does nothing once the connection is over."""
        if self._is_over:
            return
        try:
            envelope = client_commands.decode(line)
            if envelope.is_pong:
                self._heartbeat.pong()
            else:
                self._answer(envelope.id or 0, *envelope.command())
        except client_commands.Malformed:
            self.disconnect(codes.PROTOCOL_VIOLATION)
        except Disconnected as disconnected:
            self.disconnect(disconnected.disconnect)

    def queue_limit(self) -> int:
        """Bytes that may wait for this client before it counts as slow."""
        return self._hub.queue_share(self.user)

    def lost(self) -> None:
        """The socket is gone: unsubscribe from everything. May be called more than once."""
        self._is_over = True
        self._heartbeat.stop()
        if self._deadline is not None:
            self._deadline.cancel()
        self._subscriptions.unsubscribe_all(self)
        self._hub.remove_connection(self)

    def _answer(self, command_id: int, method: str, command: client_commands.Command) -> None:
        is_connect = method == "connect"
        if is_connect == self._is_connected:  # connect comes first, and once
            raise Disconnected(codes.PROTOCOL_VIOLATION)
        try:
            reply = replies.reply(command_id, method, _HANDLERS[method](self, command))
        except Refused as refused:
            self._transport.send(replies.error_reply(command_id, refused.error))
            if is_connect:
                self._refuse_connection()
            return
        self._transport.send(reply)
        while self._after_reply:
            self._after_reply.pop(0)()

    # The connection's life

    def _connect(self, command: ConnectCommand) -> ConnectResult:
        if self._hub.is_closed:
            raise Disconnected(codes.SHUTDOWN)
        grant = connect_grant(self._hub, command.token)
        if not self._hub.has_room_for(grant.user):
            raise Disconnected(codes.CONNECTION_LIMIT)
        self.user = grant.user
        self._is_connected = True
        self._hub.add_connection(self)
        ttl_s = seconds_left(self._hub, grant.expire_at)
        self._expire_after(ttl_s)
        self._heartbeat.start()
        return ConnectResult(
            client=self.client,
            version=replies.SERVER_VERSION,
            expires=ttl_s > 0,
            ttl=ttl_s,
            ping=int(self._hub.config.client.ping_interval),
            pong=True,
        )

    def _refuse_connection(self) -> None:
        """After an error reply to connect nothing more is answered, and the socket is dropped soon."""
        self.lost()
        self._deadline = self._hub.after(REFUSED_CLOSE_DELAY_S, self._transport.drop)

    def _refresh(self, command: RefreshCommand) -> RefreshResult:
        grant = refresh_grant(self._hub, command.token, self.user)
        ttl_s = seconds_left(self._hub, grant.expire_at)
        self._expire_after(ttl_s)
        return RefreshResult.lasting(ttl_s)

    def _expire_after(self, ttl_s: int) -> None:
        """Allow `ttl_s` seconds and a grace until the next refresh; 0 is without end."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._hub.after(ttl_s + EXPIRY_GRACE_S, self._expire) if ttl_s else None

    def _expire(self) -> None:
        self.disconnect(codes.CONNECTION_EXPIRED)

    def _go_stale(self) -> None:
        self.disconnect(codes.STALE)

    def _ping(self) -> None:
        self._transport.send(replies.PING)

    def _miss_pong(self) -> None:
        self.disconnect(codes.NO_PONG)

    # Subscriptions

    def _subscribe(self, command: SubscribeCommand) -> SubscribeResult:
        result = self._subscriptions.subscribe(self, command)
        channel = required(command.channel)
        self._after_reply.append(lambda: self._hub.subscribers.announce_join(channel, self))
        return result

    def _sub_refresh(self, command: SubRefreshCommand) -> RefreshResult:
        try:
            return self._subscriptions.refresh(self, command)
        except Refused as refused:
            if refused.error not in (codes.TOKEN_EXPIRED, codes.EXPIRED):
                raise
        # An error would end the subscription in the client; this makes it come back with a new token.
        channel = required(command.channel)
        self._after_reply.append(lambda: self.unsubscribe(channel, codes.SUBSCRIPTION_EXPIRED))
        return RefreshResult()

    def _unsubscribe(self, command: ChannelCommand) -> EmptyResult:
        self._subscriptions.unsubscribe(self, required(command.channel))
        return EmptyResult()

    # In channels

    def _publish(self, command: PublishCommand) -> EmptyResult:
        channel, is_subscribed = self._place(command.channel)
        channel_commands.publish(self._hub, channel, bytes(command.data), self.info, is_subscribed=is_subscribed)
        return EmptyResult()

    def _presence(self, command: ChannelCommand) -> PresenceResult:
        channel, is_subscribed = self._place(command.channel)
        return PresenceResult(channel_commands.presence(self._hub, channel, is_subscribed=is_subscribed))

    def _presence_stats(self, command: ChannelCommand) -> PresenceStatsResult:
        return PresenceStatsResult.of(self._presence(command).presence)

    def _history(self, command: HistoryCommand) -> HistoryResult:
        channel, is_subscribed = self._place(command.channel)
        return channel_commands.history(self._hub, channel, command, is_subscribed=is_subscribed)

    def _place(self, name: str | None) -> tuple[str, bool]:
        """The channel of a command, and whether this client is subscribed to it."""
        channel = required(name)
        return channel, channel in self._subscriptions

    def _rpc(self, command: UnsupportedCommand) -> EmptyResult:
        raise Refused(codes.NOT_AVAILABLE)

    def _send(self, command: UnsupportedCommand) -> EmptyResult:
        raise Disconnected(codes.SEND_NOT_AVAILABLE)

    # From the hub

    @property
    def info(self) -> ClientInfo:
        return ClientInfo(user=self.user, client=self.client)

    def deliver(self, push: bytes) -> None:
        self._transport.send(push)

    def disconnect(self, disconnect: Disconnect) -> None:
        if not self._is_over:
            self.lost()
            self._transport.close(disconnect)

    def unsubscribe(self, channel: str, unsubscribe: Unsubscribe) -> None:
        self._subscriptions.unsubscribe(self, channel)
        self._transport.send(replies.unsubscribe_push(channel, unsubscribe))

    def subscribe_by_server(self, channel: str, data: Raw) -> None:
        is_new = channel not in self._subscriptions
        try:
            result = self._subscriptions.subscribe_by_server(self, channel, data)
        except Disconnected as disconnected:
            self.disconnect(disconnected.disconnect)
            return
        self._transport.send(replies.subscribe_push(channel, result))
        if is_new:
            self._hub.subscribers.announce_join(channel, self)

    def refresh_by_server(self, expire_at: int) -> None:
        if is_over(self._hub, expire_at):
            self.disconnect(codes.CONNECTION_EXPIRED)
            return
        ttl_s = seconds_left(self._hub, expire_at)
        self._expire_after(ttl_s)
        self._transport.send(replies.refresh_push(RefreshResult.lasting(ttl_s)))


_HANDLERS: Mapping[str, Callable[[ClientConnection, Any], replies.Result]] = {
    "connect": ClientConnection._connect,
    "subscribe": ClientConnection._subscribe,
    "unsubscribe": ClientConnection._unsubscribe,
    "publish": ClientConnection._publish,
    "presence": ClientConnection._presence,
    "presence_stats": ClientConnection._presence_stats,
    "history": ClientConnection._history,
    "rpc": ClientConnection._rpc,
    "send": ClientConnection._send,
    "refresh": ClientConnection._refresh,
    "sub_refresh": ClientConnection._sub_refresh,
}
