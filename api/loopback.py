"""Whether an address is reachable from this machine only."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether `host`, an address or a name to listen on, is reachable from this machine only."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
