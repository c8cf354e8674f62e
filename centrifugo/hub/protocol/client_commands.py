"""The commands of Centrifugo's client protocol in JSON: from a frame to typed commands.

A frame holds one JSON object per line. Fields that are `null` count as absent, and fields that are not listed here are
ignored, as in Centrifugo.

Source: https://github.com/centrifugal/protocol (definitions/client.proto)
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

ABSENT = Raw()

_Id = Annotated[int, Meta(ge=0, le=2**32 - 1)]
_Unsigned = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Signed = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]


class Malformed(Exception):
    """The line is not a command of this protocol."""


class StreamPosition(Struct, frozen=True):
    """A place in a channel's history. What is read lies strictly after it, or strictly before it in reverse."""

    offset: _Unsigned | None = None
    epoch: str | None = None


class ConnectCommand(Struct, frozen=True):
    token: str | None = None


class SubscribeCommand(Struct, frozen=True):
    """`recover` asks for what was published after `offset` of `epoch`. Tags filters and types are refused."""

    channel: str | None = None
    token: str | None = None
    recover: bool | None = None
    epoch: str | None = None
    offset: _Unsigned | None = None
    tf: Raw = ABSENT
    type: _Signed | None = None


class ChannelCommand(Struct, frozen=True):
    """Unsubscribe, presence and presence_stats name a channel and nothing else."""

    channel: str | None = None


class PublishCommand(Struct, frozen=True):
    channel: str | None = None
    data: Raw = ABSENT


class HistoryCommand(Struct, frozen=True):
    """Without a `limit` only the channel's position is read; a negative one reads as much as is allowed."""

    channel: str | None = None
    limit: _Signed | None = None
    since: StreamPosition | None = None
    reverse: bool | None = None


class UnsupportedCommand(Struct, frozen=True):
    """`rpc` and `send` are refused whatever they contain."""


class RefreshCommand(Struct, frozen=True):
    token: str | None = None


class SubRefreshCommand(Struct, frozen=True):
    channel: str | None = None
    token: str | None = None


Command = (
    ConnectCommand
    | SubscribeCommand
    | ChannelCommand
    | PublishCommand
    | HistoryCommand
    | UnsupportedCommand
    | RefreshCommand
    | SubRefreshCommand
)


class Envelope(Struct, frozen=True):
    """A command by its method. When several are given, the first in the order of these fields counts."""

    id: _Id | None = None
    connect: ConnectCommand | None = None
    subscribe: SubscribeCommand | None = None
    unsubscribe: ChannelCommand | None = None
    publish: PublishCommand | None = None
    presence: ChannelCommand | None = None
    presence_stats: ChannelCommand | None = None
    history: HistoryCommand | None = None
    rpc: UnsupportedCommand | None = None
    send: UnsupportedCommand | None = None
    refresh: RefreshCommand | None = None
    sub_refresh: SubRefreshCommand | None = None

    @property
    def is_pong(self) -> bool:
        """A command without an id answers a ping, whatever else it contains. Only `send` needs no id."""
        return not self.id and self.send is None

    def command(self) -> tuple[str, Command]:
        """The method's name and its command. Raises Malformed when there is none."""
        for method in METHODS:
            command: Command | None = getattr(self, method)
            if command is not None:
                return method, command
        raise Malformed("no command")


METHODS = Envelope.__struct_fields__[1:]

_decoder = msgspec.json.Decoder(Envelope)


def split_frame(frame: str) -> list[str]:
    """The lines of a frame, each to be decoded as a command; one trailing newline is tolerated."""
    return frame.removesuffix("\n").split("\n")


def decode(line: str) -> Envelope:
    """Raises Malformed unless the line is one JSON object whose fields have the right types."""
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Malformed("not a command") from error
