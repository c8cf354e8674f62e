"""The people of the demo, whom everybody may be: their password is printed at every start."""

PASSWORD = "demo"  # noqa: S105 - for everybody to know
PEOPLE = ("ada", "grace", "linus", "margaret")
