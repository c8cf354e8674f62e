"""The requests of the server API: the fields that are honoured. A request with any other field is malformed.

Source: https://centrifugal.dev/docs/server/server_api
"""

from typing import Annotated

from msgspec import Meta, Raw, Struct

from centrifugo.hub.protocol.client_commands import ABSENT, StreamPosition
from centrifugo.hub.protocol.codes import BAD_REQUEST, Refused

_Seconds = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


def required(channel: str | None) -> str:
    """The channel of a request that must name one. Raises Refused (107) when it does not."""
    if not channel:
        raise Refused(BAD_REQUEST)
    return channel


class PublishRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    channel: str | None = None
    data: Raw = ABSENT
    idempotency_key: str | None = None


class BroadcastRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    channels: list[str] | None = None
    data: Raw = ABSENT
    idempotency_key: str | None = None


class SubscribeRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    user: str = ""
    channel: str | None = None
    data: Raw = ABSENT


class UnsubscribeRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    user: str = ""
    channel: str | None = None


class CloseFrame(Struct, frozen=True, forbid_unknown_fields=True):
    code: Annotated[int, Meta(ge=3000, le=4999)] | None = None
    reason: str | None = None


class DisconnectRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    user: str = ""
    disconnect: CloseFrame = CloseFrame()


class RefreshRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Let the user's connections expire at `expire_at` (Unix seconds; absent: never), or at once when `expired`."""

    user: str = ""
    expired: bool = False
    expire_at: _Seconds = 0


class ChannelRequest(Struct, frozen=True, forbid_unknown_fields=True):
    channel: str | None = None


class HistoryRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Without a `limit` only the channel's position is read; a negative one reads everything."""

    channel: str | None = None
    limit: int = 0
    since: StreamPosition | None = None
    reverse: bool = False


class ChannelsRequest(Struct, frozen=True, forbid_unknown_fields=True):
    pattern: str = ""


class InfoRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """No fields."""


class BatchRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Commands such as `{"publish": {...}}`. `parallel` promises no order, so running them in order fulfils it."""

    commands: list[dict[str, Raw]] = []
    parallel: bool = False
