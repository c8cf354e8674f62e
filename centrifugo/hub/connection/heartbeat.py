"""Pings to one client, each of which wants a pong."""

import random
from collections.abc import Callable

from centrifugo.hub.codes import PROTOCOL_VIOLATION, Disconnected
from centrifugo.hub.hub import Hub
from centrifugo.hub.timers import Timer


class Heartbeat:
    """Calls `ping` again and again once it was started, and `missed` when a pong does not come in time."""

    def __init__(self, hub: Hub, *, ping: Callable[[], None], missed: Callable[[], None]) -> None:
        self._hub = hub
        self._config = hub.config.client
        self._ping = ping
        self._missed = missed
        self._next_ping: Timer | None = None
        self._deadline: Timer | None = None  # of the pong that is waited for

    def start(self) -> None:
        """The first ping comes after some part of the interval, so that many clients are not pinged at once."""
        first = self._config.ping_interval * random.uniform(0.5, 1)  # noqa: S311 - so that pings are spread
        self._next_ping = self._hub.after(first, self._beat)

    def pong(self) -> None:
        """The client answered. Raises Disconnected when there was nothing to answer."""
        if self._deadline is None:
            raise Disconnected(PROTOCOL_VIOLATION)
        self._deadline.cancel()
        self._deadline = None

    def stop(self) -> None:
        """For good. Lets go of the connection as well, which would else stay until the garbage collector comes by."""
        self._ping = self._missed = _nothing
        for timer in (self._next_ping, self._deadline):
            if timer is not None:
                timer.cancel()

    def _beat(self) -> None:
        self._ping()
        self._deadline = self._hub.after(self._config.pong_timeout, self._missed)
        self._next_ping = self._hub.after(self._config.ping_interval, self._beat)


def _nothing() -> None:
    """Nobody is there any more."""
