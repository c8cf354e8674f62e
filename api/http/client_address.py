"""Where a request comes from, according to the proxies that we trust."""

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from aiohttp import web

from api.settings import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
WITH_PORT = re.compile(r"\[(?P<ipv6>[^\]]*)\](?::\d+)?|(?P<ipv4>[\d.]+):\d+")
FORWARDING = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
"""Headers in which proxies name the client that they speak for."""


class Peer(NamedTuple):
    """The other end of a connection. Without an address, it is on a socket that has none."""

    address: Address | None
    name: str
    is_trusted: bool


class TrustedProxies:
    """What proxies in the `trusted` networks say of a request; for any other, what the connection says."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = tuple(trusted)
        self._peers = lru_cache(maxsize=10_000)(self._peer)  # every request asks for its own, several times

    def address(self, request: web.Request) -> str:
        """The client's address: the rightmost one in all lines of X-Forwarded-For that is not a trusted proxy's.

        Ports are left out, and IPv4 within IPv6 is IPv4. Where a proxy names no address, it is the proxy's own.
        """
        peer = self._peers(request.remote)
        if peer.address is None or not peer.is_trusted:
            return peer.name
        found = peer.address
        for hop in reversed(_hops(request)):
            address = parsed(hop)
            if address is None:
                return peer.name
            found = address
            if not self._trusts(found):
                break
        return str(found)

    def throttle_key(self, request: web.Request) -> str:
        """What throttles count a client by: its address, or the /64 of an IPv6 address, which is one customer's."""
        return throttled_network(self.address(request))

    def hides_client(self, request: web.Request) -> bool:
        """Whether a proxy forwards for a client whose address we do not know: we do not trust it, or cannot read it."""
        if not any(name in request.headers for name in FORWARDING):
            return False
        hops = _hops(request)
        return not self._peers(request.remote).is_trusted or not hops or None in map(parsed, hops)

    def is_secure(self, request: web.Request) -> bool:
        """Whether the client uses https, to us or to a trusted proxy."""
        if self._peers(request.remote).is_trusted:
            return request.headers.get("X-Forwarded-Proto", request.scheme) == "https"
        return request.scheme == "https"

    def origin(self, request: web.Request) -> str:
        """Scheme and host as the client addressed us, for links back to ourselves."""
        return f"{'https' if self.is_secure(request) else 'http'}://{request.host}"

    def _peer(self, remote: str | None) -> "Peer":
        address = parsed(remote) if remote is not None else None
        return Peer(address, str(address or remote or "unknown"), address is not None and self._trusts(address))

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _hops(request: web.Request) -> list[str]:
    """The addresses in all lines of X-Forwarded-For, the client's end first."""
    hops = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
    return [hop.strip() for hop in hops if hop.strip()]


@lru_cache(maxsize=10_000)
def parsed(text: str) -> Address | None:
    """An address as proxies write it, perhaps with a port, in brackets or with a zone; None for anything else."""
    if found := WITH_PORT.fullmatch(text):
        text = found["ipv6"] or found["ipv4"]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def throttled_network(address: str) -> str:
    """The network that a throttle counts as one."""
    found = parsed(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return address
