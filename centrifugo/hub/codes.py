"""Why a command is refused, a subscription ended or a connection closed: the codes that clients act upon.

Clients retry a temporary error and 109, resubscribe after 2500 and above, and reconnect unless the code is 3500-3999
or 4500-4999. Every reason is short plain text: centrifuge-js takes JSON for a reason of its own, and no reason for a
reason to come back.

Source: https://centrifugal.dev/docs/server/codes
"""

import msgspec


class Error(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error reply to one command."""

    code: int
    message: str
    temporary: bool = False


INTERNAL = Error(100, "internal server error", temporary=True)
UNKNOWN_CHANNEL = Error(102, "unknown channel")
PERMISSION_DENIED = Error(103, "permission denied")
NOT_FOUND = Error(104, "not found")
ALREADY_SUBSCRIBED = Error(105, "already subscribed")
LIMIT_EXCEEDED = Error(106, "limit exceeded")
BAD_REQUEST = Error(107, "bad request")
NOT_AVAILABLE = Error(108, "not available")
TOKEN_EXPIRED = Error(109, "token expired")
EXPIRED = Error(110, "expired")
UNRECOVERABLE_POSITION = Error(112, "unrecoverable position")


class Refused(Exception):
    """The command is answered with `error`; the connection goes on."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error


class Unsubscribe(msgspec.Struct, frozen=True):
    """Pushed to a client whose subscription the server ended."""

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
SERVER_SUBSCRIPTION_EXPIRED = Disconnect(3006, "subscription expired")
SLOW = Disconnect(3008, "slow")
INSUFFICIENT_STATE = Disconnect(3010, "insufficient state")
NO_PONG = Disconnect(3012, "no pong")
INVALID_TOKEN = Disconnect(3500, "invalid token")
PROTOCOL_VIOLATION = Disconnect(3501, "bad request")
STALE = Disconnect(3502, "stale")
FORCED = Disconnect(3503, "force disconnect")
CONNECTION_LIMIT = Disconnect(3504, "connection limit")
CHANNEL_LIMIT = Disconnect(3505, "channel limit")
NOT_PERMITTED = Disconnect(3507, "permission denied")
SEND_NOT_AVAILABLE = Disconnect(3508, "not available")


class Disconnected(Exception):
    """The connection is closed with `disconnect`."""

    def __init__(self, disconnect: Disconnect) -> None:
        super().__init__(disconnect.reason)
        self.disconnect = disconnect
