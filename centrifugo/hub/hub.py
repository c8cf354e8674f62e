"""The hub: connections, subscribers and publications of one process. No sockets, and clocks are handed in.

A publication is one synchronous step per channel (offset, history, queueing to every subscriber). All subscribers of a
channel therefore see its publications in the order of their offsets, without locks.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence

from centrifugo.hub.channels.channel_history import History, Stream
from centrifugo.hub.channels.idempotency_window import IdempotencyWindow, PublishResult
from centrifugo.hub.channels.namespaces import Namespaces
from centrifugo.hub.channels.publication_pool import EncodedPublication
from centrifugo.hub.channels.subscribers import Subscribers
from centrifugo.hub.configuration.sections import HubConfig
from centrifugo.hub.protocol.client_commands import StreamPosition
from centrifugo.hub.protocol.codes import (
    BAD_REQUEST,
    NOT_AVAILABLE,
    SERVER_UNSUBSCRIBE,
    SHUTDOWN,
    UNRECOVERABLE_POSITION,
    Disconnect,
    Refused,
)
from centrifugo.hub.protocol.replies import ClientInfo, publication_body, publication_push
from centrifugo.hub.subscriber import Subscriber
from centrifugo.hub.timers import Timer, Timers
from centrifugo.hub.token_verifier import TokenVerifier

CHANNELS_PER_TURN = 512  # of a broadcast, before others get the event loop: one or two milliseconds


class Hub:
    """What all connections share.

    `clock` gives Unix seconds and judges tokens. `monotonic` gives seconds that never run back; it measures delays and
    the age of history and idempotency keys. Call `tick` several times a second, or nothing ever times out.
    """

    def __init__(
        self,
        config: HubConfig,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config
        self.namespaces = Namespaces(config.channel)
        self.subscribers = Subscribers(self.namespaces)
        self.verifier = TokenVerifier(config.client.token)
        self.history = History()
        self.idempotency = IdempotencyWindow()
        self.clock = clock
        self.is_closed = False
        self._monotonic = monotonic
        self._timers = Timers()
        self._connections: dict[str, dict[str, Subscriber]] = {}  # by user and client id

    # Time

    def after(self, delay_s: float, call: Callable[[], None]) -> Timer:
        """Make a call in the first `tick` after `delay_s`."""
        return self._timers.at(self._monotonic() + delay_s, call)

    def tick(self) -> bool:
        """Do what is due, for a few milliseconds at most. True when something is left to do."""
        now = self._monotonic()
        self._timers.run_due(now)
        return self.history.sweep(now) | self.idempotency.sweep(now)

    # Publishing

    def publish(
        self, channel: str, data: bytes, *, idempotency_key: str | None = None, info: ClientInfo | None = None
    ) -> PublishResult:
        """Publish one JSON value, encoded, to the channel's subscribers and, where it has one, to its history.

        A repeat of (channel, `idempotency_key`) within 300 s publishes nothing and returns the first result. `info` is
        the client that publishes, if it is one. Raises Refused: unknown namespace (102), empty channel (107).
        """
        return self._publish(
            channel, EncodedPublication(publication_body(data, info)), idempotency_key, self._monotonic()
        )

    async def broadcast(
        self, channels: Sequence[str], data: bytes, *, idempotency_key: str | None = None
    ) -> list[PublishResult | Refused]:
        """Publish the same to many channels. Returns a result for each in their order; a refusal stops no other.

        `data` is encoded once and shared. Others get the event loop between channels, every millisecond or two.
        """
        publication = EncodedPublication(publication_body(data))
        results: list[PublishResult | Refused] = []
        for start in range(0, len(channels), CHANNELS_PER_TURN):
            if start:
                await asyncio.sleep(0)
            now = self._monotonic()
            for channel in channels[start : start + CHANNELS_PER_TURN]:
                try:
                    result = self._publish(channel, publication, idempotency_key, now)
                except Refused as refused:
                    results.append(refused)
                else:
                    results.append(result)
        return results

    def _publish(
        self, channel: str, publication: EncodedPublication, idempotency_key: str | None, now: float
    ) -> PublishResult:
        known = self.idempotency.of(idempotency_key, now) if idempotency_key else None
        if known is not None:
            first = self.idempotency.first(known, channel, now)
            if first is not None:
                return first
        result = self._keep(channel, publication, now)
        if known is not None:
            self.idempotency.remember(known, channel, result, now)
        subscribers = self.subscribers.of(channel)
        if subscribers:
            push = publication_push(channel, publication.body, result.offset, result.epoch)
            for subscriber in subscribers:
                subscriber.deliver(push)
        return result

    def _keep(self, channel: str, publication: EncodedPublication, now: float) -> PublishResult:
        """Append the publication to the channel's history, if it keeps one."""
        stream = self.history.find(channel, now)
        if stream is not None:
            return PublishResult(self.history.append(stream, publication, now), stream.epoch)
        if not channel:
            raise Refused(BAD_REQUEST)
        options = self.namespaces.options(channel)
        if not options.keeps_history:
            return PublishResult()
        stream = self.history.begin(channel, options, publication, now)
        return PublishResult(stream.top, stream.epoch)

    # History

    def stream(self, channel: str) -> Stream:
        """The channel's stream, opened if there was none. Raises Refused: unknown namespace (102), no history (108)."""
        options = self.namespaces.options(channel)
        if not options.keeps_history:
            raise Refused(NOT_AVAILABLE)
        now = self._monotonic()
        return self.history.find(channel, now) or self.history.open(channel, options, now)

    def read_history(
        self, channel: str, *, limit: int = 0, since: StreamPosition | None = None, reverse: bool = False
    ) -> tuple[Stream, list[tuple[int, EncodedPublication]]]:
        """The channel's stream and at most `limit` publications (negative: all) with their offsets.

        They lie strictly after `since`, or before it in reverse. Raises Refused: unknown namespace (102), nothing lies
        before (107), no history (108), `since` is of another epoch (112).
        """
        stream = self.stream(channel)
        offset = None if since is None else since.offset or 0
        if reverse and offset == 0:
            raise Refused(BAD_REQUEST)
        if since is not None and since.epoch and since.epoch != stream.epoch:
            raise Refused(UNRECOVERABLE_POSITION)
        count = None if limit < 0 else limit
        if not reverse:
            start, items = self.history.after(stream, offset or 0, count)
            return stream, [(start + n, item) for n, item in enumerate(items)]
        start, items = self.history.before(stream, offset, count)
        return stream, [(start - n, item) for n, item in enumerate(items)]

    def remove_history(self, channel: str) -> None:
        """Drop the channel's publications and keep its position. Raises Refused (102, 108)."""
        if not self.namespaces.options(channel).keeps_history:
            raise Refused(NOT_AVAILABLE)
        stream = self.history.find(channel, self._monotonic())
        if stream is not None:
            self.history.clear(stream)

    async def remove_histories(self, channels: Sequence[str]) -> None:
        """The same for many channels. Those that keep no history have nothing to drop."""
        for start in range(0, len(channels), CHANNELS_PER_TURN):
            if start:
                await asyncio.sleep(0)
            for channel in channels[start : start + CHANNELS_PER_TURN]:
                with contextlib.suppress(Refused):
                    self.remove_history(channel)

    # Connections

    def add_connection(self, connection: Subscriber) -> None:
        self._connections.setdefault(connection.user, {})[connection.client] = connection

    def remove_connection(self, connection: Subscriber) -> None:
        connections = self._connections.get(connection.user, {})
        connections.pop(connection.client, None)
        if not connections:
            self._connections.pop(connection.user, None)

    def connections(self, user: str) -> list[Subscriber]:
        return list(self._connections.get(user, {}).values())

    def has_room_for(self, user: str) -> bool:
        """Whether the user may open one more connection."""
        limit = self.config.client.user_connection_limit
        return not limit or not user or len(self._connections.get(user, ())) < limit

    def queue_share(self, user: str) -> int:
        """Bytes that may wait for one connection of the user: more connections do not take more memory."""
        return self.config.client.queue_max_size // max(1, len(self._connections.get(user, ())) if user else 1)

    def count_connections(self) -> int:
        return sum(map(len, self._connections.values()))

    def count_users(self) -> int:
        return len(self._connections)

    def disconnect(self, user: str, code: int, reason: str) -> None:
        """Close the user's connections. The reason is plain text of at most 123 bytes, not empty and not JSON."""
        for connection in self.connections(user):
            connection.disconnect(Disconnect(code, reason))

    def unsubscribe(self, user: str, channel: str) -> None:
        """Unsubscribe the user's connections from the channel."""
        for connection in self.connections(user):
            connection.unsubscribe(channel, SERVER_UNSUBSCRIBE)

    async def close(self) -> None:
        """Close every connection with 3001, including those that are still to come."""
        self.is_closed = True
        for user in list(self._connections):
            self.disconnect(user, SHUTDOWN.code, SHUTDOWN.reason)
            await asyncio.sleep(0)
