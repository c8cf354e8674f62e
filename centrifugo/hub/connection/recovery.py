"""What a subscribe reply says about the channel's history: its position, and what the client missed."""

from centrifugo.hub.configuration.sections import ChannelOptions
from centrifugo.hub.hub import Hub
from centrifugo.hub.protocol.client_commands import StreamPosition
from centrifugo.hub.protocol.replies import SubscribeResult, publication


def position(hub: Hub, channel: str, options: ChannelOptions) -> SubscribeResult:
    """The current position, where the channel is recoverable."""
    result = SubscribeResult()
    if options.force_recovery:
        stream = hub.stream(channel)
        result.recoverable = result.positioned = True
        result.epoch, result.offset = stream.epoch, stream.top
    return result


def recovered(hub: Hub, channel: str, options: ChannelOptions, since: StreamPosition) -> SubscribeResult:
    """What was published after `since`; only the current position when the history does not have all of it."""
    result = position(hub, channel, options)
    result.was_recovering = True
    if options.force_recovery:
        stream, offset = hub.stream(channel), since.offset or 0
        limit = hub.config.client.recovery_max_publication_limit or stream.top
        missed = hub.history.missed(stream, offset, since.epoch or "", limit)
        if missed is not None:
            result.recovered, result.offset = True, offset
            result.publications = [
                publication(item.body, offset + 1 + n, stream.epoch) for n, item in enumerate(missed)
            ]
    return result
