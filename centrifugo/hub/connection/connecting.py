"""Whether a connection is granted, for how long, and which subscriptions the server makes with it."""

from collections.abc import Mapping, Set

from centrifugo.hub.codes import (
    CHANNEL_LIMIT,
    CONNECTION_EXPIRED,
    INSUFFICIENT_STATE,
    INTERNAL,
    INVALID_TOKEN,
    NOT_PERMITTED,
    PROTOCOL_VIOLATION,
    TOKEN_EXPIRED,
    Disconnected,
    Refused,
)
from centrifugo.hub.connection import subscribing
from centrifugo.hub.hub import Hub
from centrifugo.hub.protocol import NOTHING, Recover
from centrifugo.hub.subscription import Subscription
from centrifugo.hub.token_verifier import (
    ConnectionGrant,
    ExpiredToken,
    InvalidToken,
    ServerSubscription,
    UndecodableInfo,
)


def granted(hub: Hub, token: str | None) -> ConnectionGrant:
    """What the token of a connect grants; without one, what anybody is granted. Raises Refused or Disconnected."""
    config = hub.config.client
    if not token:
        if not (config.allow_anonymous_connect_without_token or config.insecure):
            raise Disconnected(PROTOCOL_VIOLATION)
        return ConnectionGrant(user="", expire_at=0, info=NOTHING, subscriptions={})
    grant = _verified(hub, token, if_expired=Refused(TOKEN_EXPIRED))
    if not grant.user and config.disallow_anonymous_connection_tokens:
        raise Disconnected(NOT_PERMITTED)
    return grant


def granted_again(hub: Hub, token: str | None, user: str, channels: Set[str]) -> ConnectionGrant:
    """What the token of a refresh grants to a connection of `user` whose first token listed `channels`.

    Raises Refused or Disconnected.
    """
    if not token:
        raise Disconnected(PROTOCOL_VIOLATION)
    grant = _verified(hub, token, if_expired=Disconnected(CONNECTION_EXPIRED))
    if grant.user != user:
        raise Disconnected(INVALID_TOKEN)
    if grant.subscriptions.keys() != channels:
        raise Disconnected(INSUFFICIENT_STATE)
    return grant


def _verified(hub: Hub, token: str, *, if_expired: Refused | Disconnected) -> ConnectionGrant:
    try:
        return hub.verifier.connection(token, hub.clock())
    except InvalidToken:
        raise Disconnected(INVALID_TOKEN) from None
    except ExpiredToken:
        raise if_expired from None
    except UndecodableInfo:
        raise Refused(INTERNAL) from None


def ttl(hub: Hub, expire_at: int) -> int:
    """As for a subscription, but a token in its last second has expired: `expires` without a `ttl` would end
    centrifuge-python for good.
    """
    if expire_at == int(hub.clock()):
        raise Refused(TOKEN_EXPIRED)
    return subscribing.ttl(hub, expire_at)


def subscriptions(hub: Hub, grant: ConnectionGrant, recover: Mapping[str, Recover]) -> list[Subscription]:
    """What the token lists, the user's personal channel, and what of `recover` the client may have without a token.

    Raises Refused or Disconnected.
    """
    wanted = dict(grant.subscriptions)
    config = hub.config.client
    personal = config.subscribe_to_user_personal_channel
    if personal.enabled and grant.user:
        namespace = f"{personal.personal_channel_namespace}:" if personal.personal_channel_namespace else ""
        wanted.setdefault(f"{namespace}#{grant.user}", ServerSubscription())
    for channel in recover.keys() - wanted.keys():
        if _may_add(hub, channel, grant.user):
            wanted[channel] = ServerSubscription()
    if len(wanted) > (config.channel_limit or len(wanted)):
        raise Disconnected(CHANNEL_LIMIT)
    try:
        return [subscribing.by_server(hub, channel, wanted[channel]) for channel in wanted]
    except UndecodableInfo:
        raise Refused(INTERNAL) from None


def _may_add(hub: Hub, channel: str, user: str) -> bool:
    """Whether a channel that only the client lists is one it could subscribe to by itself."""
    try:
        options = hub.rules.options(channel)
    except Refused:
        raise Disconnected(PROTOCOL_VIOLATION) from None
    try:
        hub.rules.check_subscribe(channel, user, options)
    except Refused:
        return False
    return True
