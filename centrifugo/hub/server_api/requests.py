"""What the server API is asked, and what it answers.

Source: https://centrifugal.dev/docs/server/server_api
"""

import base64
import binascii
from typing import Annotated, Any

from msgspec import Meta, Raw, Struct

from centrifugo.hub.codes import BAD_REQUEST, Refused
from centrifugo.hub.idempotency_window import Published
from centrifugo.hub.protocol import (
    NOTHING,
    EmptyResult,
    HistoryResult,
    Position,
    PresenceResult,
    PresenceStatsResult,
)
from centrifugo.hub.token_verifier import Override
from centrifugo.json_text import is_json

_Unsigned = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Seconds = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class Content(Struct, frozen=True, kw_only=True):
    """What is published, to one channel or to many."""

    data: Raw = NOTHING
    b64data: str | None = None
    skip_history: bool | None = None
    tags: dict[str, str] | None = None
    idempotency_key: str | None = None
    version: _Unsigned | None = None
    version_epoch: str | None = None

    def encoded(self) -> bytes:
        """The data as one JSON value. Raises Refused (107) when there is none or it is not JSON."""
        data = bytes(self.data)
        if self.b64data:
            try:
                data = base64.b64decode(self.b64data, validate=True)
            except (binascii.Error, ValueError):
                raise Refused(BAD_REQUEST) from None
            if not is_json(data):
                raise Refused(BAD_REQUEST)
        if not data:
            raise Refused(BAD_REQUEST)
        return data

    def options(self) -> dict[str, Any]:
        return {
            "idempotency_key": self.idempotency_key,
            "tags": self.tags,
            "skip_history": bool(self.skip_history),
            "version": self.version or 0,
            "version_epoch": self.version_epoch or "",
        }


class Publish(Content, frozen=True, kw_only=True):
    channel: str | None = None


class Broadcast(Content, frozen=True, kw_only=True):
    channels: list[str] | None = None


class Target(Struct, frozen=True, kw_only=True):
    """The connections that are meant: a user's ("" is the anonymous user), or the one of them called `client`."""

    user: str | None = None
    client: str | None = None
    session: str | None = None


class Subscribe(Target, frozen=True, kw_only=True):
    channel: str | None = None
    info: Raw = NOTHING
    b64info: str | None = None
    data: Raw = NOTHING
    b64data: str | None = None
    expire_at: _Seconds | None = None
    override: Override | None = None


class Unsubscribe(Target, frozen=True, kw_only=True):
    channel: str | None = None


class CloseFrame(Struct, frozen=True):
    code: Annotated[int, Meta(ge=3000, le=4999)] | None = None
    reason: str | None = None


class DisconnectUser(Target, frozen=True, kw_only=True):
    whitelist: list[str] | None = None
    disconnect: CloseFrame | None = None


class Refresh(Target, frozen=True, kw_only=True):
    expired: bool | None = None
    expire_at: _Seconds | None = None
    info: Raw = NOTHING


class OfChannel(Struct, frozen=True):
    channel: str | None = None


class History(Struct, frozen=True):
    channel: str | None = None
    limit: int | None = None
    since: Position | None = None
    reverse: bool | None = None


class Channels(Struct, frozen=True):
    pattern: str | None = None


class Info(Struct, frozen=True):
    """Nothing to say."""


class Batch(Struct, frozen=True):
    """Commands such as `{"publish": {...}}`, each carried out after the one before."""

    commands: list[dict[str, Raw]] | None = None
    parallel: bool | None = None


class ChannelInfo(Struct):
    num_clients: int


class ChannelsResult(Struct):
    channels: dict[str, ChannelInfo]


class Node(Struct):
    uid: str
    name: str
    version: str
    num_clients: int
    num_users: int
    num_subs: int
    num_channels: int
    uptime: int


class InfoResult(Struct):
    nodes: list[Node]


Result = (
    Published | EmptyResult | HistoryResult | PresenceResult | PresenceStatsResult | ChannelsResult | InfoResult | Raw
)
