"""The replies and pushes of Centrifugo's client protocol, encoded as JSON.

`data` is embedded as it came, never parsed. Zero values are left out, and nothing is ever `null`.

Source: https://github.com/centrifugal/protocol (definitions/client.proto)
"""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from centrifugo.hub.protocol.client_commands import ABSENT
from centrifugo.hub.protocol.codes import ReplyError, Unsubscribe

SERVER_VERSION = "6.9.1 OSS"
"""The Centrifugo whose protocol this is, as a connect reply names it."""

PING = b"{}"

_encode = msgspec.json.Encoder().encode


class ClientInfo(Struct, frozen=True):
    """A client as others see it. Both fields are always sent."""

    user: str
    client: str


class SubscribeResult(Struct, omit_defaults=True):
    expires: bool = False
    ttl: int = 0
    recoverable: bool = False
    epoch: str = ""
    publications: list[Raw] = []
    recovered: bool = False
    offset: int = 0
    positioned: bool = False
    data: Raw = ABSENT
    was_recovering: bool = False


class ConnectResult(Struct, omit_defaults=True):
    client: str
    version: str
    expires: bool = False
    ttl: int = 0
    ping: int = 0
    pong: bool = False


class RefreshResult(Struct, omit_defaults=True):
    """The result of refresh and sub_refresh, also pushed when the server refreshes; empty when nothing expires."""

    expires: bool = False
    ttl: int = 0

    @classmethod
    def lasting(cls, ttl_s: int) -> "RefreshResult":
        """`ttl_s` 0: for as long as it likes."""
        return cls(expires=ttl_s > 0, ttl=ttl_s)


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
    """The result of unsubscribe and publish."""


Result = (
    SubscribeResult | ConnectResult | RefreshResult | PresenceResult | PresenceStatsResult | HistoryResult | EmptyResult
)


def reply(command_id: int, method: str, result: Result) -> bytes:
    return b'{"id":%d,"%b":%b}' % (command_id, method.encode(), _encode(result))


def error_reply(command_id: int, error: ReplyError) -> bytes:
    return b'{"id":%d,"error":%b}' % (command_id, _encode(error))


def without_newlines(data: bytes) -> bytes:
    """The same JSON without newlines, which would break the frame. A JSON string cannot contain one."""
    return data.replace(b"\n", b"")


def optional(data: Raw) -> Raw:
    """An optional field's JSON, ready to be embedded; `null` counts as absent."""
    content = without_newlines(bytes(data))
    return ABSENT if content in (b"", b"null") else Raw(content)


def publication_body(data: bytes, info: ClientInfo | None = None) -> bytes:
    """The fields of a publication that are the same for every channel and receiver, encoded once."""
    body = b'"data":' + without_newlines(data)
    return body if info is None else body + b',"info":' + _encode(info)


def publication(body: bytes, offset: int, epoch: str = "") -> Raw:
    """A publication in a channel; `offset` is 0 where no history is kept. The first of a stream carries the epoch."""
    return Raw(_publication(body, offset, epoch))


def publication_push(channel: str, body: bytes, offset: int, epoch: str) -> bytes:
    return b'{"push":{"channel":%b,"pub":%b}}' % (_encode(channel), _publication(body, offset, epoch))


def _publication(body: bytes, offset: int, epoch: str) -> bytes:
    if not offset:
        return b"{%b}" % body
    if offset == 1 and epoch:
        return b'{%b,"offset":1,"epoch":"%b"}' % (body, epoch.encode())
    return b'{%b,"offset":%d}' % (body, offset)


def info_push(kind: Literal["join", "leave"], channel: str, info: ClientInfo) -> bytes:
    return b'{"push":{"channel":%b,"%b":{"info":%b}}}' % (_encode(channel), kind.encode(), _encode(info))


def unsubscribe_push(channel: str, unsubscribe: Unsubscribe) -> bytes:
    return b'{"push":{"channel":%b,"unsubscribe":%b}}' % (_encode(channel), _encode(unsubscribe))


def subscribe_push(channel: str, result: SubscribeResult) -> bytes:
    return b'{"push":{"channel":%b,"subscribe":%b}}' % (_encode(channel), _encode(result))


def refresh_push(result: RefreshResult) -> bytes:
    return b'{"push":{"refresh":%b}}' % _encode(result)
