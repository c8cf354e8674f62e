"""The users of the demo. Anyone may log in as them: their password is printed at every start. One is an admin."""

PASSWORD = "demo"  # noqa: S105 - public
PEOPLE = ("ada", "grace", "linus", "margaret")
ADMIN = "margaret"
LOGINS = f"{', '.join(PEOPLE)} (password: {PASSWORD}); {ADMIN} is an admin"
