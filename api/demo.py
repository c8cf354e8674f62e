"""The people of the demo, whom everybody may be: their password is printed at every start. One of them is an admin."""

PASSWORD = "demo"  # noqa: S105 - for everybody to know
PEOPLE = ("ada", "grace", "linus", "margaret")
ADMIN = "margaret"
LOGINS = f"{', '.join(PEOPLE)} (password: {PASSWORD}); {ADMIN} is an admin"
