"""Closes connections that send their headers too slowly, or nothing at all; aiohttp would wait without end."""

import asyncio

from aiohttp import web


class HeaderDeadline:
    """Closes a connection whose first request has not arrived within `timeout_s` seconds.

    From the second request on, aiohttp's keep-alive timeout does.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._timers: dict[asyncio.BaseProtocol, asyncio.TimerHandle] = {}

    def watched(self, server: web.Server) -> asyncio.Protocol:
        """A protocol of `server` for a new connection, with the deadline set."""
        protocol = server()
        self._timers[protocol] = asyncio.get_running_loop().call_later(self._timeout_s, self._close, protocol)
        return protocol

    def arrived(self, request: web.Request) -> None:
        """The request's headers are complete."""
        if (timer := self._timers.pop(request.protocol, None)) is not None:
            timer.cancel()

    def _close(self, protocol: web.RequestHandler) -> None:
        del self._timers[protocol]
        protocol.force_close()
