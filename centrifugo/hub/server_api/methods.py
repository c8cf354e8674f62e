"""What a backend may ask of the hub: the methods of Centrifugo's server API, without their transport.

Source: https://centrifugal.dev/docs/server/server_api
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec
from msgspec import Raw, Struct

from centrifugo.hub.codes import (
    BAD_REQUEST,
    CONNECTION_EXPIRED,
    FORCED,
    NOT_FOUND,
    SERVER_UNSUBSCRIBE,
    Disconnect,
    Error,
    Refused,
)
from centrifugo.hub.connection.client_connection import VERSION
from centrifugo.hub.hub import Hub
from centrifugo.hub.idempotency_window import Published
from centrifugo.hub.protocol import EmptyResult, HistoryResult, PresenceResult, PresenceStatsResult, publication
from centrifugo.hub.server_api.requests import (
    Batch,
    Broadcast,
    ChannelInfo,
    Channels,
    ChannelsResult,
    CloseFrame,
    DisconnectUser,
    History,
    Info,
    InfoResult,
    Node,
    OfChannel,
    Publish,
    Refresh,
    Result,
    Subscribe,
    Target,
    Unsubscribe,
)
from centrifugo.hub.subscription import Subscriber
from centrifugo.hub.token_verifier import ServerSubscription, UndecodableInfo, embedded

RESPONSES_A_TURN = 2_000  # of a broadcast, encoded before others get the event loop


class MalformedRequest(Exception):
    """The body is no JSON object with fields of the right types."""


class ServerApi:
    """The methods, by name, on one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._node = str(uuid.uuid4())
        self._started_at = hub.clock()

    async def call(self, method: str, body: bytes) -> bytes:
        """Carry out one method and encode its answer. Raises MalformedRequest, or Refused with the error to answer."""
        result = msgspec.json.encode(await _METHODS[method].carry_out(self, _decoded(method, body)))
        return result if method == "batch" else b'{"result":%b}' % result

    async def publish(self, request: Publish) -> Published:
        return self._hub.publish(_named(request.channel), request.encoded(), **request.options())

    async def broadcast(self, request: Broadcast) -> Raw:
        if not request.channels:
            raise Refused(BAD_REQUEST)
        try:
            data = request.encoded()
        except Refused as refused:
            return await _responses([refused] * len(request.channels))
        return await _responses(await self._hub.broadcast(request.channels, data, **request.options()))

    async def batch(self, request: Batch) -> Raw:
        """Each command after the one before; `parallel` promises no order, so that this one will do."""
        decoded = [_first_known(command) for command in request.commands or ()]
        replies = []
        for method, command in decoded:
            try:
                if method is None:
                    raise Refused(NOT_FOUND)
                result = await _METHODS[method].carry_out(self, command)
            except Refused as refused:
                replies.append(b'{"error":%b}' % encode_error(refused.error))
            else:
                replies.append(b'{"%b":%b}' % (method.encode(), msgspec.json.encode(result)))
        return Raw(b'{"replies":[%b]}' % b",".join(replies) if replies else b"{}")

    async def subscribe(self, request: Subscribe) -> EmptyResult:
        channel = _named(request.channel)
        self._hub.rules.options(channel)
        try:
            info, data = embedded(request.info, request.b64info), embedded(request.data, request.b64data)
        except UndecodableInfo:
            raise Refused(BAD_REQUEST) from None
        grant = ServerSubscription(info=info, data=data, override=request.override)
        for connection in self._meant(request):
            connection.subscribe_by_server(channel, grant, request.expire_at or 0)
        return EmptyResult()

    async def unsubscribe(self, request: Unsubscribe) -> EmptyResult:
        channel = _named(request.channel)
        self._hub.rules.options(channel)
        for connection in self._meant(request):
            connection.unsubscribe(channel, SERVER_UNSUBSCRIBE)
        return EmptyResult()

    async def disconnect(self, request: DisconnectUser) -> EmptyResult:
        frame = request.disconnect or CloseFrame()
        disconnect = Disconnect(frame.code or FORCED.code, frame.reason or FORCED.reason)
        for connection in self._meant(request):
            if connection.client not in (request.whitelist or ()):
                connection.disconnect(disconnect)
        return EmptyResult()

    async def refresh(self, request: Refresh) -> EmptyResult:
        for connection in self._meant(request):
            if request.expired:
                connection.disconnect(CONNECTION_EXPIRED)
            else:
                connection.refresh_by_server(request.expire_at or 0, embedded(request.info, None))
        return EmptyResult()

    async def presence(self, request: OfChannel) -> PresenceResult:
        return PresenceResult(self._hub.presence(_named(request.channel)))

    async def presence_stats(self, request: OfChannel) -> PresenceStatsResult:
        return PresenceStatsResult.of(self._hub.presence(_named(request.channel)))

    async def history(self, request: History) -> HistoryResult:
        stream, items = self._hub.read_history(
            _named(request.channel), limit=request.limit or 0, since=request.since, reverse=bool(request.reverse)
        )
        return HistoryResult([publication(item.body, offset) for offset, item in items], stream.epoch, stream.top)

    async def history_remove(self, request: OfChannel) -> EmptyResult:
        self._hub.remove_history(_named(request.channel))
        return EmptyResult()

    async def channels(self, request: Channels) -> ChannelsResult:
        return ChannelsResult(
            {
                channel: ChannelInfo(count)
                for channel, count in self._hub.channels().items()
                if not request.pattern or fnmatchcase(channel, request.pattern)
            }
        )

    async def info(self, request: Info) -> InfoResult:
        channels = self._hub.channels()
        node = Node(
            uid=self._node,
            name="embedded",
            version=VERSION,
            num_clients=self._hub.count_connections(),
            num_users=self._hub.count_users(),
            num_subs=sum(channels.values()),
            num_channels=len(channels),
            uptime=int(self._hub.clock() - self._started_at),
        )
        return InfoResult([node])

    def _meant(self, target: Target) -> list[Subscriber]:
        """Sessions belong to transports that the hub does not have, so that none is ever meant."""
        return [] if target.session else self._hub.connections(target.user or "", target.client or "")


class _Method(Struct, frozen=True):
    decoder: msgspec.json.Decoder[Any]
    carry_out: Callable[[ServerApi, Any], Awaitable[Result]]


_METHODS: Mapping[str, _Method] = {
    "publish": _Method(msgspec.json.Decoder(Publish), ServerApi.publish),
    "broadcast": _Method(msgspec.json.Decoder(Broadcast), ServerApi.broadcast),
    "subscribe": _Method(msgspec.json.Decoder(Subscribe), ServerApi.subscribe),
    "unsubscribe": _Method(msgspec.json.Decoder(Unsubscribe), ServerApi.unsubscribe),
    "disconnect": _Method(msgspec.json.Decoder(DisconnectUser), ServerApi.disconnect),
    "presence": _Method(msgspec.json.Decoder(OfChannel), ServerApi.presence),
    "presence_stats": _Method(msgspec.json.Decoder(OfChannel), ServerApi.presence_stats),
    "history": _Method(msgspec.json.Decoder(History), ServerApi.history),
    "history_remove": _Method(msgspec.json.Decoder(OfChannel), ServerApi.history_remove),
    "info": _Method(msgspec.json.Decoder(Info), ServerApi.info),
    "refresh": _Method(msgspec.json.Decoder(Refresh), ServerApi.refresh),
    "channels": _Method(msgspec.json.Decoder(Channels), ServerApi.channels),
    "batch": _Method(msgspec.json.Decoder(Batch), ServerApi.batch),
}
METHODS = tuple(_METHODS)


def _decoded(method: str, body: bytes) -> Any:
    try:
        return _METHODS[method].decoder.decode(body.decode())
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise MalformedRequest from None


def _first_known(command: Mapping[str, Raw]) -> tuple[str | None, Any]:
    """The method that a command of a batch names, and its request; a batch inside a batch is not one."""
    for method in METHODS:
        if method in command and method != "batch":
            return method, _decoded(method, bytes(command[method]))
    return None, None


def _named(channel: str | None) -> str:
    if not channel:
        raise Refused(BAD_REQUEST)
    return channel


def encode_error(error: Error) -> bytes:
    """Here no error says that it is temporary."""
    return msgspec.json.encode({"code": error.code, "message": error.message})


async def _responses(results: Sequence[Published | Refused]) -> Raw:
    """The result of a broadcast, encoded a part at a time: it has megabytes for many channels."""
    parts = []
    for start in range(0, len(results), RESPONSES_A_TURN):
        parts += [_response(result) for result in results[start : start + RESPONSES_A_TURN]]
        await asyncio.sleep(0)
    return Raw(b'{"responses":[%b]}' % b",".join(parts))


def _response(result: Published | Refused) -> bytes:
    if isinstance(result, Refused):
        return b'{"error":%b}' % encode_error(result.error)
    return b'{"result":%b}' % msgspec.json.encode(result)
