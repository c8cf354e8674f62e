"""The JSON protocol between a client and the hub: commands in, replies and pushes out. No sockets, no rules.

A frame holds one JSON object a line. Fields named `data` and `info` are embedded JSON that is passed on as it came,
never parsed. Outgoing zero values are left out, and nothing is ever `null`.

Source: https://github.com/centrifugal/protocol (definitions/client.proto)
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from centrifugo.hub.codes import Error, Unsubscribe

NOTHING = Raw()

_Id = Annotated[int, Meta(ge=0, le=2**32 - 1)]
_Unsigned = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Signed = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]


class Malformed(Exception):
    """What was received is no command of this protocol."""


class Position(Struct, frozen=True):
    """A place in a channel's history: strictly after (or before) this offset of this epoch."""

    offset: _Unsigned | None = None
    epoch: str | None = None


class Recover(Struct, frozen=True):
    """The position a returning client has in a server-side subscription."""

    recover: bool | None = None
    offset: _Unsigned | None = None
    epoch: str | None = None


class ConnectRequest(Struct, frozen=True):
    token: str | None = None
    data: Raw = NOTHING
    name: str | None = None
    version: str | None = None
    headers: dict[str, str] | None = None
    subs: dict[str, Recover] | None = None
    flag: int | None = None


class SubscribeRequest(Struct, frozen=True):
    channel: str | None = None
    token: str | None = None
    data: Raw = NOTHING
    recover: bool | None = None
    epoch: str | None = None
    offset: _Unsigned | None = None
    positioned: bool | None = None
    recoverable: bool | None = None
    join_leave: bool | None = None
    delta: str | None = None
    tf: Raw = NOTHING
    flag: int | None = None
    type: _Signed | None = None


class ChannelRequest(Struct, frozen=True):
    """Unsubscribe, presence and presence_stats ask about a channel, and no more."""

    channel: str | None = None


class PublishRequest(Struct, frozen=True):
    channel: str | None = None
    data: Raw = NOTHING


class HistoryRequest(Struct, frozen=True):
    channel: str | None = None
    limit: _Signed | None = None
    since: Position | None = None
    reverse: bool | None = None


class RpcRequest(Struct, frozen=True):
    method: str | None = None
    data: Raw = NOTHING


class SendRequest(Struct, frozen=True):
    data: Raw = NOTHING


class RefreshRequest(Struct, frozen=True):
    token: str | None = None


class SubRefreshRequest(Struct, frozen=True):
    channel: str | None = None
    token: str | None = None


Request = (
    ConnectRequest
    | SubscribeRequest
    | ChannelRequest
    | PublishRequest
    | HistoryRequest
    | RpcRequest
    | SendRequest
    | RefreshRequest
    | SubRefreshRequest
)


class Command(Struct, frozen=True):
    """One command. When it holds several requests the first in the order of these fields counts."""

    id: _Id | None = None
    connect: ConnectRequest | None = None
    subscribe: SubscribeRequest | None = None
    unsubscribe: ChannelRequest | None = None
    publish: PublishRequest | None = None
    presence: ChannelRequest | None = None
    presence_stats: ChannelRequest | None = None
    history: HistoryRequest | None = None
    rpc: RpcRequest | None = None
    send: SendRequest | None = None
    refresh: RefreshRequest | None = None
    sub_refresh: SubRefreshRequest | None = None

    @property
    def is_pong(self) -> bool:
        """A command without an id answers a ping, whatever else it says; only `send` needs no id."""
        return not self.id and self.send is None

    def request(self) -> tuple[str, Request]:
        """The method's name and what it asks. Raises Malformed when the command asks nothing."""
        for method in METHODS:
            request: Request | None = getattr(self, method)
            if request is not None:
                return method, request
        raise Malformed("no request")


METHODS = Command.__struct_fields__[1:]

_command = msgspec.json.Decoder(Command)
_encode = msgspec.json.Encoder().encode


def lines(frame: str) -> list[str]:
    """The lines of a frame, each to become a command; one newline at the end is tolerated."""
    return frame.removesuffix("\n").split("\n")


def command(line: str) -> Command:
    """Raises Malformed unless the line is one JSON object with fields of the right types."""
    try:
        return _command.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Malformed("not a command") from error


class ClientInfo(Struct, frozen=True, omit_defaults=True):
    """Who a client is: `user` and `client` always, and what its tokens say to show about it."""

    user: str
    client: str
    conn_info: Raw = NOTHING
    chan_info: Raw = NOTHING


class SubscribeResult(Struct, omit_defaults=True):
    expires: bool = False
    ttl: int = 0
    recoverable: bool = False
    epoch: str = ""
    publications: list[Raw] = []
    recovered: bool = False
    offset: int = 0
    positioned: bool = False
    data: Raw = NOTHING
    was_recovering: bool = False


class ConnectResult(Struct, omit_defaults=True):
    client: str
    version: str
    expires: bool = False
    ttl: int = 0
    subs: dict[str, SubscribeResult] = {}
    ping: int = 0
    pong: bool = False
    time: int = 0


class RefreshResult(Struct, omit_defaults=True):
    """Of refresh and sub_refresh, and pushed when the server refreshed: empty when nothing expires any more."""

    expires: bool = False
    ttl: int = 0


class PresenceResult(Struct):
    presence: dict[str, ClientInfo]


class PresenceStatsResult(Struct):
    num_clients: int
    num_users: int

    @classmethod
    def of(cls, presence: Mapping[str, ClientInfo]) -> "PresenceStatsResult":
        return cls(num_clients=len(presence), num_users=len({info.user for info in presence.values()}))


class HistoryResult(Struct):
    publications: list[Raw]
    epoch: str
    offset: int


class EmptyResult(Struct):
    """Of unsubscribe and publish."""


Result = (
    SubscribeResult | ConnectResult | RefreshResult | PresenceResult | PresenceStatsResult | HistoryResult | EmptyResult
)

PING = b"{}"


def reply(command_id: int, method: str, result: Result) -> bytes:
    return b'{"id":%d,"%b":%b}' % (command_id, method.encode(), _encode(result))


def error_reply(command_id: int, error: Error) -> bytes:
    return b'{"id":%d,"error":%b}' % (command_id, _encode(error))


def publication_body(data: bytes, info: ClientInfo | None = None, tags: Mapping[str, str] | None = None) -> bytes:
    """The fields of a publication that are the same for every channel and receiver, encoded once.

    A newline would break the frame; between JSON tokens it means nothing, and inside a string it cannot be.
    """
    body = b'"data":' + data.replace(b"\n", b"")
    if info is not None:
        body += b',"info":' + _encode(info)
    if tags:
        body += b',"tags":' + _encode(tags)
    return body


def publication(body: bytes, offset: int, epoch: str = "") -> Raw:
    """A publication at its place: `offset` is 0 outside of a history, and the first of a stream carries the epoch."""
    return Raw(_publication(body, offset, epoch))


def publication_push(channel: str, body: bytes, offset: int, epoch: str) -> bytes:
    return b'{"push":{"channel":%b,"pub":%b}}' % (_encode(channel), _publication(body, offset, epoch))


def _publication(body: bytes, offset: int, epoch: str) -> bytes:
    if not offset:
        return b"{%b}" % body
    if offset == 1 and epoch:
        return b'{%b,"offset":1,"epoch":"%b"}' % (body, epoch.encode())
    return b'{%b,"offset":%d}' % (body, offset)


def info_push(kind: str, channel: str, info: ClientInfo) -> bytes:
    """A `join` or a `leave`."""
    return b'{"push":{"channel":%b,"%b":{"info":%b}}}' % (_encode(channel), kind.encode(), _encode(info))


def unsubscribe_push(channel: str, unsubscribe: Unsubscribe) -> bytes:
    return b'{"push":{"channel":%b,"unsubscribe":%b}}' % (_encode(channel), _encode(unsubscribe))


def subscribe_push(channel: str, result: SubscribeResult) -> bytes:
    return b'{"push":{"channel":%b,"subscribe":%b}}' % (_encode(channel), _encode(result))


def refresh_push(result: RefreshResult) -> bytes:
    return b'{"push":{"refresh":%b}}' % _encode(result)
