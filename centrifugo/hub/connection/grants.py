"""Whether the token of a command is good for this connection, and for how long. Raises Refused or Disconnected."""

import logging

from centrifugo.hub.hub import Hub
from centrifugo.hub.protocol.codes import (
    CONNECTION_EXPIRED,
    EXPIRED,
    INVALID_TOKEN,
    PERMISSION_DENIED,
    PROTOCOL_VIOLATION,
    TOKEN_EXPIRED,
    Disconnected,
    Refused,
)
from centrifugo.hub.token_verifier import ConnectionGrant, ExpiredToken, InvalidToken, SubscriptionGrant

security = logging.getLogger("onrecord.security")


def connect_grant(hub: Hub, token: str | None) -> ConnectionGrant:
    """What the token of a connect grants.

    A token that expires within the current second counts as expired. Centrifugo lets it connect, with an expiry of no
    seconds, at which centrifuge-python gives up.
    """
    try:
        grant = _connection_grant(hub, token)
    except ExpiredToken:
        raise Refused(TOKEN_EXPIRED) from None
    if is_over(hub, grant.expire_at):
        raise Refused(TOKEN_EXPIRED)
    return grant


def refresh_grant(hub: Hub, token: str | None, user: str) -> ConnectionGrant:
    """What the token of a refresh grants to a connection of `user`."""
    try:
        grant = _connection_grant(hub, token)
    except ExpiredToken:
        raise Disconnected(CONNECTION_EXPIRED) from None
    if grant.user != user:
        raise _invalid_token(user)
    return grant


def _connection_grant(hub: Hub, token: str | None) -> ConnectionGrant:
    if not token:
        raise Disconnected(PROTOCOL_VIOLATION)
    try:
        return hub.verifier.connection(token, hub.clock())
    except InvalidToken:
        raise _invalid_token() from None


def subscription_grant(hub: Hub, token: str, user: str, channel: str) -> SubscriptionGrant:
    """What the token of a subscribe or sub_refresh grants to `user` in the channel."""
    try:
        grant = hub.verifier.subscription(token, hub.clock())
    except InvalidToken:
        _record(user)
        raise Refused(PERMISSION_DENIED) from None
    except ExpiredToken:
        raise Refused(TOKEN_EXPIRED) from None
    if grant.user != user or grant.channel != channel:
        raise _invalid_token(user)
    return grant


def is_over(hub: Hub, expire_at: int) -> bool:
    """Whether that time has come. 0 never comes."""
    return expire_at != 0 and expire_at <= hub.clock()


def seconds_left(hub: Hub, expire_at: int) -> int:
    """Whole seconds until then; 0 for 0, which never comes. Raises Refused (110) when it has come."""
    if is_over(hub, expire_at):
        raise Refused(EXPIRED)
    return expire_at - int(hub.clock()) if expire_at else 0


def _invalid_token(user: str | None = None) -> Disconnected:
    _record(user)
    return Disconnected(INVALID_TOKEN)


def _record(user: str | None) -> None:
    """Put the refusal into the security log; `user` is who the connection belongs to, None before it is connected."""
    security.warning("token refused", extra={"user_id": user})
