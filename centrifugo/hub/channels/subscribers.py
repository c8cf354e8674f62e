"""Who is subscribed to which channel, and the pushes about those who join and leave."""

from collections.abc import Iterable
from typing import Literal

from centrifugo.hub.channels.namespaces import Namespaces
from centrifugo.hub.protocol.codes import NOT_AVAILABLE, Refused
from centrifugo.hub.protocol.replies import ClientInfo, info_push
from centrifugo.hub.subscriber import Subscriber


class Subscribers:
    """The subscribers of every channel."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self._channels: dict[str, dict[str, Subscriber]] = {}  # by client id

    def of(self, channel: str) -> Iterable[Subscriber]:
        """A snapshot: a subscriber may leave while a push is delivered to the others."""
        subscribers = self._channels.get(channel)
        return tuple(subscribers.values()) if subscribers else ()

    def add(self, channel: str, subscriber: Subscriber) -> None:
        """From now on the subscriber gets the channel's publications. `announce_join` is a step of its own."""
        self._channels.setdefault(channel, {})[subscriber.client] = subscriber

    def remove(self, channel: str, subscriber: Subscriber) -> None:
        """The subscriber gets nothing more. Those who stay get a leave push, where the channel has them."""
        subscribers = self._channels.get(channel, {})
        if subscribers.pop(subscriber.client, None) is None:
            return
        if subscribers:
            self._announce("leave", channel, subscriber)
        else:
            del self._channels[channel]

    def announce_join(self, channel: str, subscriber: Subscriber) -> None:
        """Push the join to every subscriber, the new one included, where the channel has such pushes."""
        self._announce("join", channel, subscriber)

    def _announce(self, kind: Literal["join", "leave"], channel: str, subscriber: Subscriber) -> None:
        if self._namespaces.options(channel).pushes_join_leave:
            push = info_push(kind, channel, subscriber.info)
            for each in self.of(channel):
                each.deliver(push)

    def presence(self, channel: str) -> dict[str, ClientInfo]:
        """The channel's subscribers by client id. Raises Refused: unknown namespace (102), no presence (108)."""
        if not self._namespaces.options(channel).presence:
            raise Refused(NOT_AVAILABLE)
        return {subscriber.client: subscriber.info for subscriber in self.of(channel)}

    def counts(self) -> dict[str, int]:
        """The channels that have subscribers, and how many each."""
        return {channel: len(subscribers) for channel, subscribers in self._channels.items()}
