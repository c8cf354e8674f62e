"""The hub: who is connected and subscribed, and what is published to whom. One process, no sockets, clocks handed in.

A publication is one synchronous step per channel (offset, history, queueing to every subscriber), so that all
subscribers of a channel see its publications in the order of their offsets, with nothing to lock.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from centrifugo.hub.channel_rules import Rules
from centrifugo.hub.codes import (
    BAD_REQUEST,
    INTERNAL,
    NOT_AVAILABLE,
    SHUTDOWN,
    UNRECOVERABLE_POSITION,
    Disconnect,
    Refused,
    Unsubscribe,
)
from centrifugo.hub.configuration.options import ChannelOptions, Config
from centrifugo.hub.history import History, Publication, Stream
from centrifugo.hub.idempotency_window import IdempotencyWindow, Published
from centrifugo.hub.protocol import ClientInfo, Position, info_push, publication_body, publication_push
from centrifugo.hub.subscription import Subscriber, Subscription
from centrifugo.hub.timers import Timer, Timers
from centrifugo.hub.token_verifier import Verifier

OBJECTS_ONLY = "json_object"
CHANNELS_A_TURN = 512  # of a broadcast, before others get the event loop: one or two milliseconds


class Hub:
    """Everything that connections share.

    `clock` gives Unix seconds and judges tokens; `timer` gives seconds from anywhere, never runs back, and measures
    delays, the age of history and of idempotency keys. Call `tick` several times a second, or nothing ever times out.
    """

    def __init__(
        self, config: Config, *, clock: Callable[[], float] = time.time, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self.config = config
        self.rules = Rules(config)
        self.verifier = Verifier(config.client)
        self.history = History(config.channel.history_meta_ttl)
        self.idempotency = IdempotencyWindow()
        self.clock = clock
        self.is_closed = False
        self._timer = timer
        self._checks_data = any(
            options.publication_data_format == OBJECTS_ONLY
            for options in (config.channel.without_namespace, *config.channel.namespaces)
        )
        self._timers = Timers()
        self._users: dict[str, dict[str, Subscriber]] = {}  # by user and client id
        self._channels: dict[str, dict[Subscriber, Subscription]] = {}

    # Time

    def after(self, delay_s: float, call: Callable[[], None]) -> Timer:
        """Make a call in the first `tick` after `delay_s`."""
        return self._timers.at(self._timer() + delay_s, call)

    def tick(self) -> bool:
        """Do what is due. True when some of it is left, because it would take longer than a few milliseconds."""
        now = self._timer()
        self._timers.run_due(now)
        return self.history.sweep(now) | self.idempotency.sweep(now)

    # Publishing

    def publish(
        self,
        channel: str,
        data: bytes,
        *,
        idempotency_key: str | None = None,
        tags: Mapping[str, str] | None = None,
        info: ClientInfo | None = None,
        skip_history: bool = False,
        version: int = 0,
        version_epoch: str = "",
    ) -> Published:
        """Publish one JSON value, encoded, to everybody subscribed to the channel now and, through its history, later.

        A repeat of (channel, `idempotency_key`) within 300 s publishes nothing and returns what the first returned.
        A `version` that is not above the channel's last one (of the same `version_epoch`) publishes nothing either.
        Raises Refused for an unknown namespace (102), an empty channel and data of a kind it does not take (107).
        """
        return self._publish(
            channel,
            Publication(publication_body(data, info, tags)),
            idempotency_key,
            self._timer(),
            skip_history,
            (version, version_epoch) if version else None,
        )

    async def broadcast(
        self,
        channels: Sequence[str],
        data: bytes,
        *,
        idempotency_key: str | None = None,
        tags: Mapping[str, str] | None = None,
        skip_history: bool = False,
        version: int = 0,
        version_epoch: str = "",
    ) -> list[Published | Refused]:
        """Publish the same to many channels: a result for each, in their order. One refusal does not stop the others.

        `data` is encoded once and shared. Others get the event loop between channels, every millisecond or two.
        """
        shared = Publication(publication_body(data, None, tags))
        versioned = (version, version_epoch) if version else None
        results: list[Published | Refused] = []
        for start in range(0, len(channels), CHANNELS_A_TURN):
            if start:
                await asyncio.sleep(0)
            now = self._timer()
            for channel in channels[start : start + CHANNELS_A_TURN]:
                try:
                    result = self._publish(channel, shared, idempotency_key, now, skip_history, versioned)
                except Refused as refused:
                    results.append(refused)
                else:
                    results.append(result)
        return results

    def _publish(
        self,
        channel: str,
        content: Publication,
        idempotency_key: str | None,
        now: float,
        skip_history: bool,
        version: tuple[int, str] | None,
    ) -> Published:
        results = self.idempotency.of(idempotency_key, now) if idempotency_key else None
        if results is not None:
            first = self.idempotency.first(results, channel, now)
            if first is not None:
                return first
        stream = self.history.find(channel, now)
        options = stream.options if stream is not None else self._options(channel)
        if self._checks_data and options.publication_data_format == OBJECTS_ONLY and not content.is_object:
            raise Refused(BAD_REQUEST)
        if not options.history_size or skip_history:
            published = Published()
        elif stream is None:
            stream = self.history.begin(channel, options, content, now)
            stream.version = version
            published = Published(stream.top, stream.epoch)
        elif version and _is_outdated(version, stream.version):
            return Published(stream.top, stream.epoch)
        else:
            stream.version = version
            published = Published(self.history.append(stream, content, now), stream.epoch)
        if results is not None:
            self.idempotency.remember(results, channel, published, now)
        subscribers = self._channels.get(channel)
        if subscribers:
            push = publication_push(channel, content.body, published.offset, published.epoch)
            for subscriber in tuple(subscribers):
                subscriber.deliver(push)
        return published

    def _options(self, channel: str) -> ChannelOptions:
        """Of a channel that is published to."""
        if not channel:
            raise Refused(BAD_REQUEST)
        return self.rules.options(channel)

    # History

    def stream(self, channel: str) -> Stream:
        """The channel's stream, opened if there was none. Raises Refused for an unknown namespace (102)."""
        now = self._timer()
        return self.history.find(channel, now) or self.history.open(channel, self.rules.options(channel), now)

    def read_history(
        self, channel: str, *, limit: int = 0, since: Position | None = None, reverse: bool = False
    ) -> tuple[Stream, list[tuple[int, Publication]]]:
        """The channel's stream and at most `limit` publications (negative: all) strictly after, or before, `since`.

        Raises Refused for an unknown namespace (102), no history (108) and a position of another epoch (112).
        """
        if not self.rules.options(channel).keeps_history:
            raise Refused(NOT_AVAILABLE)
        stream = self.stream(channel)
        if since is not None and since.epoch and since.epoch != stream.epoch:
            raise Refused(UNRECOVERABLE_POSITION)
        most = None if limit < 0 else limit
        offset = None if since is None else since.offset or 0
        if reverse:
            if offset == 0:
                raise Refused(INTERNAL)
            start, items = self.history.before(stream, offset, most)
            step = -1
        else:
            start, items = self.history.after(stream, offset or 0, most)
            step = 1
        return stream, [(start + step * n, item) for n, item in enumerate(items)]

    def remove_history(self, channel: str) -> None:
        """Drop the channel's publications; its position stays. Raises Refused (102, 108)."""
        if not self.rules.options(channel).keeps_history:
            raise Refused(NOT_AVAILABLE)
        self.history.clear(self.stream(channel))

    # Connections

    def add_connection(self, subscriber: Subscriber) -> None:
        self._users.setdefault(subscriber.user, {})[subscriber.client] = subscriber

    def remove_connection(self, subscriber: Subscriber) -> None:
        connections = self._users.get(subscriber.user, {})
        connections.pop(subscriber.client, None)
        if not connections:
            self._users.pop(subscriber.user, None)

    def connections(self, user: str, client: str = "") -> list[Subscriber]:
        """The user's connections ("" is the anonymous user), or that one of them."""
        connections = self._users.get(user, {})
        return [each for each in connections.values() if not client or each.client == client]

    def disconnect(self, user: str, code: int, reason: str, *, client: str = "", whitelist: Iterable[str] = ()) -> None:
        """Close the user's connections, or the one called `client`, except those whose client id is in `whitelist`.

        The reason is plain text of at most 123 bytes, not empty and not JSON.
        """
        spared = set(whitelist)
        for connection in self.connections(user, client):
            if connection.client not in spared:
                connection.disconnect(Disconnect(code, reason))

    def unsubscribe(self, user: str, channel: str, unsubscribe: Unsubscribe, *, client: str = "") -> None:
        """End the user's subscriptions to the channel; each connection is told, subscribed or not."""
        for connection in self.connections(user, client):
            connection.unsubscribe(channel, unsubscribe)

    async def close(self) -> None:
        """Close every connection with 3001, and those that still come."""
        self.is_closed = True
        for user in list(self._users):
            self.disconnect(user, SHUTDOWN.code, SHUTDOWN.reason)
            await asyncio.sleep(0)

    # Subscriptions

    def add_subscription(self, subscriber: Subscriber, subscription: Subscription) -> None:
        """From now on the subscriber gets what is published; the others hear of it from `announce_join`."""
        self._channels.setdefault(subscription.channel, {})[subscriber] = subscription

    def announce_join(self, subscriber: Subscriber, subscription: Subscription) -> None:
        if subscription.announces:
            self._announce("join", subscriber, subscription)

    def remove_subscription(self, subscriber: Subscriber, subscription: Subscription) -> None:
        """The subscriber gets nothing more; those who stay hear of it."""
        subscribers = self._channels.get(subscription.channel, {})
        if subscribers.pop(subscriber, None) is None:
            return
        if not subscribers:
            del self._channels[subscription.channel]
        elif subscription.announces:
            self._announce("leave", subscriber, subscription)

    def _announce(self, kind: str, subscriber: Subscriber, subscription: Subscription) -> None:
        told = [each for each, theirs in self._channels[subscription.channel].items() if theirs.is_told]
        if told:
            push = info_push(kind, subscription.channel, subscriber.info(subscription))
            for each in told:
                each.deliver(push)

    # Who is where

    def presence(self, channel: str) -> dict[str, ClientInfo]:
        """Who is subscribed, by client id. Raises Refused for an unknown namespace (102) or no presence (108)."""
        if not self.rules.options(channel).presence:
            raise Refused(NOT_AVAILABLE)
        subscribers = self._channels.get(channel, {})
        return {each.client: each.info(theirs) for each, theirs in subscribers.items() if theirs.presence}

    def channels(self) -> dict[str, int]:
        """The channels that have subscribers, and how many."""
        return {channel: len(subscribers) for channel, subscribers in self._channels.items()}

    def count_connections(self) -> int:
        return sum(len(connections) for connections in self._users.values())

    def count_users(self) -> int:
        return len(self._users)


def _is_outdated(version: tuple[int, str], last: tuple[int, str] | None) -> bool:
    return last is not None and version[0] <= last[0] and version[1] in ("", last[1])
