"""The users of the demo. Anyone may log in as them: their password is printed at every start. One is an admin."""

from ipaddress import ip_address

PASSWORD = "demo"  # noqa: S105 - public; too short for any other account
PEOPLE = ("ada", "grace", "linus", "margaret")
ADMIN = "margaret"
STAND_IN = "{name}-demo"
"""What a demo user is called where a real account has the name."""


def logins(usernames: list[str], admin: str) -> str:
    """The line that tells how to log in."""
    return f"{', '.join(usernames)} (password: {PASSWORD}); {admin} is an admin"


def is_loopback(host: str) -> bool:
    """Whether `host`, an address or a name to listen on, is reachable from this machine only."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
