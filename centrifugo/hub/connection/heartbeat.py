"""Pings to one client, each of which must be answered by a pong."""

import random
from collections.abc import Callable

from centrifugo.hub.hub import Hub
from centrifugo.hub.protocol.codes import PROTOCOL_VIOLATION, Disconnected
from centrifugo.hub.timers import Timer


class Heartbeat:
    """Calls `ping` at the configured interval once started, and `missed` when a pong does not come in time."""

    def __init__(self, hub: Hub, *, ping: Callable[[], None], missed: Callable[[], None]) -> None:
        self._hub = hub
        self._config = hub.config.client
        self._ping = ping
        self._missed = missed
        self._next_ping: Timer | None = None
        self._pong_deadline: Timer | None = None

    def start(self) -> None:
        """The first ping comes after a random part of the interval, so that clients are not all pinged at once."""
        first = self._config.ping_interval * random.uniform(0.5, 1)  # noqa: S311 - spreads pings, guards nothing
        self._next_ping = self._hub.after(first, self._beat)

    def pong(self) -> None:
        """The client answered. Raises Disconnected when no ping was waiting for an answer."""
        if self._pong_deadline is None:
            raise Disconnected(PROTOCOL_VIOLATION)
        self._pong_deadline.cancel()
        self._pong_deadline = None

    def stop(self) -> None:
        """Stop and release the connection, which the callables would keep until the garbage collector runs."""
        self._ping = self._missed = _nothing
        for timer in (self._next_ping, self._pong_deadline):
            if timer is not None:
                timer.cancel()

    def _beat(self) -> None:
        self._ping()
        self._pong_deadline = self._hub.after(self._config.pong_timeout, self._missed)
        self._next_ping = self._hub.after(self._config.ping_interval, self._beat)


def _nothing() -> None:
    """Called in place of a connection that is over."""
