"""What a client may do in a channel besides subscribing: publish, see who is there, read its history.

Each raises Refused: for an unknown namespace (102), for what the client may not do (103), for a name that clients may
not use (107), for what the channel does not offer (108).
"""

from centrifugo.hub.configuration.sections import ChannelOptions
from centrifugo.hub.connection.permissions import check_channel_name, check_history, check_presence, check_publish
from centrifugo.hub.hub import Hub
from centrifugo.hub.protocol.client_commands import HistoryCommand
from centrifugo.hub.protocol.codes import BAD_REQUEST, Refused
from centrifugo.hub.protocol.replies import ClientInfo, HistoryResult, publication

MAX_HISTORY = 300  # publications in one reply


def publish(hub: Hub, channel: str, data: bytes, info: ClientInfo, *, is_subscribed: bool) -> None:
    """Publish on behalf of a client."""
    if not data:
        raise Refused(BAD_REQUEST)
    check_publish(_options(hub, channel), is_subscribed=is_subscribed)
    hub.publish(channel, data, info=info)


def presence(hub: Hub, channel: str, *, is_subscribed: bool) -> dict[str, ClientInfo]:
    """The channel's subscribers by client id."""
    check_presence(_options(hub, channel), is_subscribed=is_subscribed)
    return hub.subscribers.presence(channel)


def history(hub: Hub, channel: str, command: HistoryCommand, *, is_subscribed: bool) -> HistoryResult:
    """A page of the channel's history."""
    check_history(_options(hub, channel), is_subscribed=is_subscribed)
    limit = command.limit or 0
    if not 0 <= limit <= MAX_HISTORY:
        limit = MAX_HISTORY
    stream, items = hub.read_history(channel, limit=limit, since=command.since, reverse=bool(command.reverse))
    publications = [publication(item.body, offset, stream.epoch) for offset, item in items]
    return HistoryResult(publications, stream.epoch, stream.top)


def _options(hub: Hub, channel: str) -> ChannelOptions:
    options = hub.namespaces.options(channel)
    check_channel_name(channel)
    return options
