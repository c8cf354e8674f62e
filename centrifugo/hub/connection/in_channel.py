"""What a client may do in a channel besides hearing it: publish, see who is there, read its history.

`subscription` is the client's in that channel, if it has one. Each raises Refused, also for an unknown namespace (102)
and for a name that clients may not spell so (107).
"""

from centrifugo.hub.codes import BAD_REQUEST, Refused
from centrifugo.hub.configuration.options import ChannelOptions
from centrifugo.hub.hub import Hub
from centrifugo.hub.protocol import ClientInfo, HistoryRequest, HistoryResult, publication
from centrifugo.hub.subscription import Subscriber, Subscription


def publish(hub: Hub, client: Subscriber, channel: str, subscription: Subscription | None, data: bytes) -> None:
    """Publish in the client's name."""
    if not data:
        raise Refused(BAD_REQUEST)
    hub.rules.check_publish(_options(hub, channel), client.user, subscription is not None)
    hub.publish(channel, data, info=client.info(subscription or Subscription(channel=channel)))


def present(hub: Hub, client: Subscriber, channel: str, subscription: Subscription | None) -> dict[str, ClientInfo]:
    """Who is subscribed, by client id."""
    hub.rules.check_presence(_options(hub, channel), client.user, subscription is not None)
    return hub.presence(channel)


def history(
    hub: Hub, client: Subscriber, channel: str, subscription: Subscription | None, request: HistoryRequest
) -> HistoryResult:
    """A page of what was published, no longer than the server allows."""
    hub.rules.check_history(_options(hub, channel), client.user, subscription is not None)
    limit, most = request.limit or 0, hub.config.client.history_max_publication_limit
    if most and not 0 <= limit <= most:
        limit = most
    if request.reverse and request.since and not request.since.offset:
        raise Refused(BAD_REQUEST)
    stream, items = hub.read_history(channel, limit=limit, since=request.since, reverse=bool(request.reverse))
    publications = [publication(item.body, offset, stream.epoch) for offset, item in items]
    return HistoryResult(publications, stream.epoch, stream.top)


def _options(hub: Hub, channel: str) -> ChannelOptions:
    options = hub.rules.options(channel)
    hub.rules.check_name(channel, options)
    return options
