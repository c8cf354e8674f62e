"""Error replies, unsubscribes and disconnects: the codes that clients act upon.

Clients fetch another token after 109, resubscribe after 2500 and above, and reconnect unless the code is 3500-3999 or
4500-4999. Every reason is short plain text: centrifuge-js parses a reason that is JSON, and reconnects after an empty
one.

Source: https://centrifugal.dev/docs/server/codes
"""

import msgspec


class ReplyError(msgspec.Struct, frozen=True):
    """The error in the reply to one command."""

    code: int
    message: str


INTERNAL_ERROR = ReplyError(100, "internal server error")
UNKNOWN_CHANNEL = ReplyError(102, "unknown channel")
PERMISSION_DENIED = ReplyError(103, "permission denied")
NOT_FOUND = ReplyError(104, "not found")
ALREADY_SUBSCRIBED = ReplyError(105, "already subscribed")
LIMIT_EXCEEDED = ReplyError(106, "limit exceeded")
BAD_REQUEST = ReplyError(107, "bad request")
NOT_AVAILABLE = ReplyError(108, "not available")
TOKEN_EXPIRED = ReplyError(109, "token expired")
EXPIRED = ReplyError(110, "expired")
UNRECOVERABLE_POSITION = ReplyError(112, "unrecoverable position")


class Refused(Exception):
    """The reply to the command is `error`; the connection stays open."""

    def __init__(self, error: ReplyError) -> None:
        super().__init__(error.message)
        self.error = error


class Unsubscribe(msgspec.Struct, frozen=True):
    """Code and reason pushed to a client when the server ends its subscription."""

    code: int
    reason: str


SERVER_UNSUBSCRIBE = Unsubscribe(2000, "server unsubscribe")
SUBSCRIPTION_EXPIRED = Unsubscribe(2501, "subscription expired")


class Disconnect(msgspec.Struct, frozen=True):
    """Code and reason of the WebSocket close frame; the reason has at most 123 bytes."""

    code: int
    reason: str


SHUTDOWN = Disconnect(3001, "shutdown")
INTERNAL_FAILURE = Disconnect(3004, "internal server error")
CONNECTION_EXPIRED = Disconnect(3005, "connection expired")
SLOW = Disconnect(3008, "slow")
NO_PONG = Disconnect(3012, "no pong")
INVALID_TOKEN = Disconnect(3500, "invalid token")
PROTOCOL_VIOLATION = Disconnect(3501, "bad request")
STALE = Disconnect(3502, "stale")
FORCED = Disconnect(3503, "force disconnect")
CONNECTION_LIMIT = Disconnect(3504, "connection limit")
CHANNEL_LIMIT = Disconnect(3505, "channel limit")
SEND_NOT_AVAILABLE = Disconnect(3508, "not available")


class Disconnected(Exception):
    """The connection is closed with `disconnect`."""

    def __init__(self, disconnect: Disconnect) -> None:
        super().__init__(disconnect.reason)
        self.disconnect = disconnect
