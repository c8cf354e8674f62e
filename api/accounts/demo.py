"""The users of the demo. Anyone may log in as them: their password is printed at every start. One is an admin."""

PASSWORD = "demo"  # noqa: S105 - public; too short for any other account
PEOPLE = ("ada", "grace", "linus", "margaret")
ADMIN = "margaret"
STAND_IN = "{name}-demo"
"""What a demo user is called where a real account has the name."""


def logins(usernames: list[str], admin: str) -> str:
    """The line that tells how to log in."""
    return f"{', '.join(usernames)} (password: {PASSWORD}); {admin} is an admin"
