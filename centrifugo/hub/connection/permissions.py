"""What a client may do in a channel. The server API asks none of these questions.

Source: https://centrifugal.dev/docs/server/channel_permissions
"""

from centrifugo.hub.configuration.sections import ChannelOptions
from centrifugo.hub.protocol.codes import (
    BAD_REQUEST,
    NOT_AVAILABLE,
    PERMISSION_DENIED,
    PROTOCOL_VIOLATION,
    Disconnected,
    Refused,
)

MAX_CHANNEL_LENGTH = 255


def required(channel: str | None) -> str:
    """The channel of a command that must name one. Raises Disconnected (3501) when it does not."""
    if not channel:
        raise Disconnected(PROTOCOL_VIOLATION)
    return channel


def check_channel_name(channel: str) -> None:
    """Clients may name channels only in ASCII, and not at any length."""
    if not channel.isascii() or len(channel) > MAX_CHANNEL_LENGTH:
        raise Refused(BAD_REQUEST)


def check_subscribe(options: ChannelOptions) -> None:
    """Whether a client may subscribe without a token."""
    if not options.allow_subscribe_for_client:
        raise Refused(PERMISSION_DENIED)


def check_publish(options: ChannelOptions, *, is_subscribed: bool) -> None:
    if not (options.allow_publish_for_subscriber and is_subscribed):
        raise Refused(PERMISSION_DENIED)


def check_presence(options: ChannelOptions, *, is_subscribed: bool) -> None:
    if not options.presence:
        raise Refused(NOT_AVAILABLE)
    if not (options.allow_presence_for_subscriber and is_subscribed):
        raise Refused(PERMISSION_DENIED)


def check_history(options: ChannelOptions, *, is_subscribed: bool) -> None:
    if not options.keeps_history:
        raise Refused(NOT_AVAILABLE)
    if not (options.allow_history_for_subscriber and is_subscribed):
        raise Refused(PERMISSION_DENIED)
