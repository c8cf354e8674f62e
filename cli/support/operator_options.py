"""The options --why and --by, of every command that is recorded as an operator action."""

import getpass
import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import asyncpg
import click

from eventstore.writer.commands import Beside
from postgres.database import Database
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
    return _with_operator(
        command, click.option("--why", required=True, metavar="TEXT", help="The reason, for the record.")
    )


def recorded_options(command: Callable[..., None]) -> Callable[..., None]:
    """As `operator_options`, for a command that is recorded and needs no reason."""
    return _with_operator(command, click.option("--why", default="", metavar="TEXT", help="A reason, for the record."))


def _with_operator(
    command: Callable[..., None], why_option: Callable[[Callable[..., None]], Callable[..., None]]
) -> Callable[..., None]:
    @why_option
    @by_option
    @wraps(command)
    def with_operator(*arguments: Any, why: str, by: str, **options: Any) -> None:
        command(*arguments, operator=Operator(by, why), **options)

    return with_operator


def on_record_with(operator: Operator, action: str, subject: Callable[[Any], str]) -> Beside:
    """Records an operator action in the transaction of the event that it is: both are there, or none. `subject` is told
    the event.
    """
    for text in (operator.who, operator.why):
        text.encode()  # raises UnicodeEncodeError before anything is tried

    async def record(event: Any, connection: asyncpg.Connection) -> None:
        await operator.record(action, subject(event), connection)

    return record


async def put_on_record(operator: Operator, action: str, subject: str, database: Database) -> None:
    """Record what a command is about to do, or has done, when that is not one transaction."""
    async with database.connection() as connection:
        await operator.record(action, subject, connection)
