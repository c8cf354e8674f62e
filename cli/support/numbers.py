"""Types of options and arguments that are numbers: all fit into what the database calls a bigint."""

import click

LARGEST = 2**63 - 1

POSITION = click.IntRange(1, LARGEST)
"""A position in the log, a version of a room, or the id of a row."""

POSITION_OR_START = click.IntRange(0, LARGEST)
"""As `POSITION`, and 0 for the place before the first."""

COUNT = click.IntRange(1, 2**31 - 1)
"""How many of something."""

limit_option = click.option(
    "--limit",
    type=click.IntRange(0, COUNT.max),
    default=1000,
    show_default=True,
    metavar="N",
    help="List N at most; 0: all.",
)
