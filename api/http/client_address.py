"""Where a request comes from, according to the proxies that we trust."""

import ipaddress
from collections.abc import Sequence

from aiohttp import web

from api.settings import Network

FORWARDING = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
"""Headers in which proxies name the client that they speak for."""


class TrustedProxies:
    """What proxies in the `trusted` networks say of a request; for any other, what the connection says."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = tuple(trusted)

    def address(self, request: web.Request) -> str:
        """The client's address: the last one in X-Forwarded-For that is not a trusted proxy's."""
        address = request.remote or "unknown"
        if not self._trusts(address):
            return address
        for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
            if not (hop := hop.strip()):
                break
            address = hop
            if not self._trusts(hop):
                break
        return address

    def passes_on_unheard(self, request: web.Request) -> bool:
        """Whether a proxy that we do not trust says that it speaks for another client."""
        return any(name in request.headers for name in FORWARDING) and not self._trusts(request.remote or "")

    def is_secure(self, request: web.Request) -> bool:
        """Whether the client uses https, to us or to a trusted proxy."""
        if self._trusted and self._trusts(request.remote or ""):
            return request.headers.get("X-Forwarded-Proto", request.scheme) == "https"
        return request.scheme == "https"

    def origin(self, request: web.Request) -> str:
        """Scheme and host as the client addressed us, for links back to ourselves."""
        return f"{'https' if self.is_secure(request) else 'http'}://{request.host}"

    def _trusts(self, address: str) -> bool:
        if not self._trusted:
            return False
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)
