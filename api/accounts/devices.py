"""What a session stores about the device that opened it: enough for its user to recognise it."""

import ipaddress

BROWSERS = (("Firefox", "Firefox"), ("Edg", "Edge"), ("OPR", "Opera"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)
PREFIX = {4: 24, 6: 48}


def device_of(user_agent: str) -> str:
    """The family of a User-Agent: `Firefox on Linux`, `another program`."""
    browser = next((name for mark, name in BROWSERS if f"{mark}/" in user_agent), None)
    system = next((name for mark, name in SYSTEMS if mark in user_agent), None)
    if browser is None:
        return "another program"
    return f"{browser} on {system}" if system else browser


def network_of(address: str) -> str:
    """The network of an address: its first 24 bits, or 48 of IPv6; empty when it is not an address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(ipaddress.ip_network((parsed.packed, PREFIX[parsed.version]), strict=False))
