"""Whether a subscription is granted, with which options, and what the client is told of its position."""

from collections.abc import Sequence

from centrifugo.hub.codes import (
    BAD_REQUEST,
    EXPIRED,
    INTERNAL_FAILURE,
    INVALID_TOKEN,
    NOT_AVAILABLE,
    PERMISSION_DENIED,
    PROTOCOL_VIOLATION,
    TOKEN_EXPIRED,
    UNRECOVERABLE_POSITION,
    Disconnected,
    Refused,
)
from centrifugo.hub.configuration.options import ChannelOptions
from centrifugo.hub.history import Publication
from centrifugo.hub.hub import Hub
from centrifugo.hub.protocol import Recover, SubscribeRequest, SubscribeResult, publication
from centrifugo.hub.subscription import Subscription, with_override
from centrifugo.hub.token_verifier import (
    ExpiredToken,
    InvalidToken,
    Override,
    ServerSubscription,
    SubscriptionGrant,
    embedded,
)

LONGEST_TTL_S = 365 * 24 * 3600
REFUSE_IF_UNRECOVERABLE = 2  # a flag of the request


def by_client(hub: Hub, user: str, client: str, request: SubscribeRequest, channel: str) -> Subscription:
    """The subscription a client asks for. Raises Refused or Disconnected."""
    _check_kind(request)
    options = hub.rules.options(channel)
    hub.rules.check_name(channel, options)
    grant = None
    if request.token:
        grant = granted(hub, user, client, channel, request.token)
        ttl(hub, grant.expire_at)
    else:
        hub.rules.check_subscribe(channel, user, options)
    subscription = _subscription(channel, options, grant.override if grant else Override())
    if grant is not None:
        subscription.chan_info, subscription.data, subscription.expire_at = grant.info, grant.data, grant.expire_at
    may_read = hub.rules.may_read_history(options, user, is_subscribed=True) and options.keeps_history
    if request.recoverable and (options.allow_recovery or may_read):
        subscription.recoverable = subscription.positioned = True
    if request.positioned and (options.allow_positioning or may_read):
        subscription.positioned = True
    if request.join_leave and subscription.announces and options.presence:
        subscription.is_told = subscription.is_told or hub.rules.may_see_presence(options, user, is_subscribed=True)
    return subscription


def by_server(hub: Hub, channel: str, grant: ServerSubscription) -> Subscription:
    """A subscription that a connection token or the server API makes. Raises Refused (102) or UndecodableInfo."""
    subscription = _subscription(channel, hub.rules.options(channel), grant.override or Override())
    subscription.is_server_side = True
    subscription.chan_info = embedded(grant.info, grant.b64info)
    subscription.data = embedded(grant.data, grant.b64data)
    return subscription


def _subscription(channel: str, options: ChannelOptions, override: Override) -> Subscription:
    on = with_override(options, override)
    return Subscription(
        channel=channel,
        presence=on["presence"],
        announces=on["join_leave"],
        is_told=on["join_leave"] and on["force_push_join_leave"],
        positioned=on["force_recovery"] or on["force_positioning"],
        recoverable=on["force_recovery"],
        recovers_newest=options.force_recovery_mode == "cache",
        recovers_unasked=options.force_recovery_mode == "cache" and options.auto_cache_recover,
    )


def _check_kind(request: SubscribeRequest) -> None:
    """Streams of whole publications are what there is."""
    if request.type is not None and request.type > 0:
        if request.type in (1, 2, 3):
            raise Refused(PERMISSION_DENIED)
        if request.type == 4:
            raise Refused(NOT_AVAILABLE)
        raise Disconnected(INTERNAL_FAILURE)
    if request.delta and request.delta != "fossil":
        raise Disconnected(PROTOCOL_VIOLATION)
    if bytes(request.tf) not in (b"", b"null"):
        raise Refused(BAD_REQUEST)


def granted(hub: Hub, user: str, client: str, channel: str, token: str) -> SubscriptionGrant:
    """What the token grants to this client in this channel. Raises Refused or Disconnected, as to a subscribe."""
    try:
        grant = hub.verifier.subscription(token, hub.clock())
    except InvalidToken:
        raise Refused(PERMISSION_DENIED) from None
    except ExpiredToken:
        raise Refused(TOKEN_EXPIRED) from None
    if grant.user != user or grant.channel != channel or grant.client not in ("", client):
        raise Disconnected(INVALID_TOKEN)
    return grant


def ttl(hub: Hub, expire_at: int) -> int:
    """Whole seconds until then, 0 when it never comes. Raises Refused (110) when it has come."""
    if expire_at <= 0:
        return 0
    left = expire_at - int(hub.clock())
    if left <= 0:
        raise Refused(EXPIRED)
    return min(left, LONGEST_TTL_S)


def result(hub: Hub, subscription: Subscription, position: Recover, flag: int = 0) -> SubscribeResult:
    """What the client is told: its position, and what it missed since the one it asks to recover from.

    Raises Refused (112) when that cannot be told and `flag` asks for a refusal then.
    """
    answer = SubscribeResult(data=subscription.data, was_recovering=bool(position.recover))
    answer.ttl = ttl(hub, subscription.expire_at)
    answer.expires = answer.ttl > 0
    if subscription.positioned:
        stream = hub.stream(subscription.channel)
        answer.positioned, answer.recoverable = True, subscription.recoverable
        answer.epoch, answer.offset = stream.epoch, stream.top
    if subscription.recoverable and (position.recover or subscription.recovers_unasked):
        _recover(hub, subscription, position, answer)
        if not answer.recovered and flag & REFUSE_IF_UNRECOVERABLE:
            raise Refused(UNRECOVERABLE_POSITION)
    return answer


def _recover(hub: Hub, subscription: Subscription, position: Recover, answer: SubscribeResult) -> None:
    stream, offset = hub.stream(subscription.channel), position.offset or 0
    answer.was_recovering = True
    missed: Sequence[Publication] | None
    if subscription.recovers_newest:
        start, newest = hub.history.before(stream, None, 1)
        missed = newest or None
    else:
        limit = hub.config.client.recovery_max_publication_limit or stream.top
        start, missed = offset + 1, hub.history.missed(stream, offset, position.epoch or "", limit)
    if missed is not None:
        answer.recovered, answer.offset = True, offset
        answer.publications = [publication(item.body, start + n, stream.epoch) for n, item in enumerate(missed)]
