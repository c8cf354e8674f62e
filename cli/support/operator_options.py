"""The options --why and --by, of every command that is recorded as an operator action."""

import getpass
import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from projections.operator_actions import Operator


def shell_user() -> str:
    """The user of this shell, by name, or by number where it has none, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


by_option = click.option(
    "--by", default=shell_user, metavar="NAME", help="Who acts; the user of this shell by default."
)


def operator_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an argument `operator`, of `--why`, which is required, and `--by`."""

    @click.option("--why", required=True, metavar="TEXT", help="The reason, for the record.")
    @by_option
    @wraps(command)
    def with_operator(*arguments: Any, why: str, by: str, **options: Any) -> None:
        command(*arguments, operator=Operator(by, why), **options)

    return with_operator
