"""The methods of Centrifugo's server API on one hub, without their transport.

Source: https://centrifugal.dev/docs/server/server_api
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec
from msgspec import Raw, Struct

from centrifugo.hub.channels.idempotency_window import PublishResult
from centrifugo.hub.hub import Hub
from centrifugo.hub.protocol.codes import (
    BAD_REQUEST,
    CONNECTION_EXPIRED,
    FORCED,
    INTERNAL_ERROR,
    NOT_FOUND,
    Refused,
)
from centrifugo.hub.protocol.replies import (
    SERVER_VERSION,
    EmptyResult,
    HistoryResult,
    PresenceResult,
    PresenceStatsResult,
    optional,
    publication,
)
from centrifugo.hub.server_api.requests import (
    BatchRequest,
    BroadcastRequest,
    ChannelRequest,
    ChannelsRequest,
    DisconnectRequest,
    HistoryRequest,
    InfoRequest,
    PublishRequest,
    RefreshRequest,
    SubscribeRequest,
    UnsubscribeRequest,
    required,
)
from centrifugo.hub.server_api.results import (
    ChannelInfo,
    ChannelsResult,
    InfoResult,
    NodeInfo,
    Result,
    encode_error,
    encode_responses,
)


class MalformedRequest(Exception):
    """The body is not a JSON object with the right fields of the right types."""


class ServerApi:
    """The methods, by name, on one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._node = str(uuid.uuid4())
        self._started_at = hub.clock()

    async def call(self, method: str, body: bytes) -> bytes:
        """Carry out one method and encode its answer. Raises MalformedRequest, or Refused with the error to answer."""
        result = msgspec.json.encode(await _METHODS[method].carry_out(self, _decode(method, body)))
        return result if method == "batch" else b'{"result":%b}' % result

    async def publish(self, request: PublishRequest) -> PublishResult:
        channel, data = required(request.channel), bytes(request.data)
        if not data:
            raise Refused(BAD_REQUEST)
        return self._hub.publish(channel, data, idempotency_key=request.idempotency_key)

    async def broadcast(self, request: BroadcastRequest) -> Raw:
        if not request.channels:
            raise Refused(BAD_REQUEST)
        data = bytes(request.data)
        if not data:
            return await encode_responses([Refused(BAD_REQUEST)] * len(request.channels))
        results = await self._hub.broadcast(request.channels, data, idempotency_key=request.idempotency_key)
        return await encode_responses(results)

    async def batch(self, request: BatchRequest) -> Raw:
        """The commands run one after another; one that fails does not stop those after it."""
        decoded = [_decode_command(command) for command in request.commands]
        replies = []
        for method, command in decoded:
            try:
                if method is None:
                    raise Refused(NOT_FOUND)
                result = await _METHODS[method].carry_out(self, command)
            except Refused as refused:
                replies.append(encode_error(refused.error))
            else:
                replies.append(b'{"%b":%b}' % (method.encode(), msgspec.json.encode(result)))
        return Raw(b'{"replies":[%b]}' % b",".join(replies) if replies else b"{}")

    async def subscribe(self, request: SubscribeRequest) -> EmptyResult:
        channel = required(request.channel)
        self._hub.namespaces.options(channel)
        data = optional(request.data)
        for connection in self._hub.connections(request.user):
            connection.subscribe_by_server(channel, data)
        return EmptyResult()

    async def unsubscribe(self, request: UnsubscribeRequest) -> EmptyResult:
        channel = required(request.channel)
        self._hub.namespaces.options(channel)
        self._hub.unsubscribe(request.user, channel)
        return EmptyResult()

    async def disconnect(self, request: DisconnectRequest) -> EmptyResult:
        frame = request.disconnect
        self._hub.disconnect(request.user, frame.code or FORCED.code, frame.reason or FORCED.reason)
        return EmptyResult()

    async def refresh(self, request: RefreshRequest) -> EmptyResult:
        for connection in self._hub.connections(request.user):
            if request.expired:
                connection.disconnect(CONNECTION_EXPIRED)
            else:
                connection.refresh_by_server(request.expire_at)
        return EmptyResult()

    async def presence(self, request: ChannelRequest) -> PresenceResult:
        return PresenceResult(self._hub.subscribers.presence(required(request.channel)))

    async def presence_stats(self, request: ChannelRequest) -> PresenceStatsResult:
        return PresenceStatsResult.of(self._hub.subscribers.presence(required(request.channel)))

    async def history(self, request: HistoryRequest) -> HistoryResult:
        channel = required(request.channel)
        try:
            stream, items = self._hub.read_history(
                channel, limit=request.limit, since=request.since, reverse=request.reverse
            )
        except Refused as refused:
            if refused.error is BAD_REQUEST:  # nothing lies before offset 0: 107 for clients, but 100 here
                raise Refused(INTERNAL_ERROR) from None
            raise
        return HistoryResult([publication(item.body, offset) for offset, item in items], stream.epoch, stream.top)

    async def history_remove(self, request: ChannelRequest) -> EmptyResult:
        self._hub.remove_history(required(request.channel))
        return EmptyResult()

    async def channels(self, request: ChannelsRequest) -> ChannelsResult:
        return ChannelsResult(
            {
                channel: ChannelInfo(count)
                for channel, count in self._hub.subscribers.counts().items()
                if not request.pattern or fnmatchcase(channel, request.pattern)
            }
        )

    async def info(self, request: InfoRequest) -> InfoResult:
        channels = self._hub.subscribers.counts()
        node = NodeInfo(
            uid=self._node,
            name="embedded",
            version=SERVER_VERSION,
            num_clients=self._hub.count_connections(),
            num_users=self._hub.count_users(),
            num_subs=sum(channels.values()),
            num_channels=len(channels),
            uptime=int(self._hub.clock() - self._started_at),
        )
        return InfoResult([node])


class _Method(Struct, frozen=True):
    decoder: msgspec.json.Decoder[Any]
    carry_out: Callable[[ServerApi, Any], Awaitable[Result]]


_METHODS: Mapping[str, _Method] = {
    "publish": _Method(msgspec.json.Decoder(PublishRequest), ServerApi.publish),
    "broadcast": _Method(msgspec.json.Decoder(BroadcastRequest), ServerApi.broadcast),
    "subscribe": _Method(msgspec.json.Decoder(SubscribeRequest), ServerApi.subscribe),
    "unsubscribe": _Method(msgspec.json.Decoder(UnsubscribeRequest), ServerApi.unsubscribe),
    "disconnect": _Method(msgspec.json.Decoder(DisconnectRequest), ServerApi.disconnect),
    "presence": _Method(msgspec.json.Decoder(ChannelRequest), ServerApi.presence),
    "presence_stats": _Method(msgspec.json.Decoder(ChannelRequest), ServerApi.presence_stats),
    "history": _Method(msgspec.json.Decoder(HistoryRequest), ServerApi.history),
    "history_remove": _Method(msgspec.json.Decoder(ChannelRequest), ServerApi.history_remove),
    "info": _Method(msgspec.json.Decoder(InfoRequest), ServerApi.info),
    "refresh": _Method(msgspec.json.Decoder(RefreshRequest), ServerApi.refresh),
    "channels": _Method(msgspec.json.Decoder(ChannelsRequest), ServerApi.channels),
    "batch": _Method(msgspec.json.Decoder(BatchRequest), ServerApi.batch),
}
METHODS = tuple(_METHODS)


def _decode(method: str, body: bytes) -> Any:
    try:
        return _METHODS[method].decoder.decode(body.decode())
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise MalformedRequest from None


def _decode_command(command: Mapping[str, Raw]) -> tuple[str | None, Any]:
    """The method and the request of a command in a batch. A batch inside a batch is not a method."""
    for method in METHODS:
        if method in command and method != "batch":
            return method, _decode(method, bytes(command[method]))
    return None, None
