"""The command line: `onrecord`."""

import contextlib
from collections.abc import Iterator
from typing import Any

import asyncpg
import click

from api.attachments.storage import StorageUnavailable
from api.settings import SettingsError
from audit.ledger import LedgerUnavailable
from cli.commands import room_governance
from cli.commands.accounts import user_access
from cli.commands.accounts.user import user
from cli.commands.accounts.user_erase import erase as erase_user
from cli.commands.actions import actions
from cli.commands.attachments import attachments
from cli.commands.audit.audit import audit
from cli.commands.custody.hold import hold
from cli.commands.custody.retention import retention
from cli.commands.db import db
from cli.commands.demo import demo
from cli.commands.events import events
from cli.commands.fanout import fanout
from cli.commands.message import message
from cli.commands.projections import projections
from cli.commands.room import room
from cli.commands.serve import serve
from cli.support.standard_output import OutputClosed, OutputFailed, prepare_standard_output
from domain.errors import ChatError, InvalidField
from postgres.errors import EmbeddedPostgresError, StoreError
from postgres.migrations import MigrationError
from projections.fanout.resize import LanesBusy

EXPECTED = (
    *(LedgerUnavailable, SettingsError, EmbeddedPostgresError, MigrationError, StoreError, ChatError, LanesBusy),
    StorageUnavailable,
)
"""Errors that are not defects: each is one line, and exit code 1."""

OTHER_SCHEMA = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError)
"""What a command meets that reads a database as it is: see `cli.support.log_reader.read`."""


class WrongUsage(click.ClickException):
    """A command typed wrong: one line, and exit code 2."""

    exit_code = click.UsageError.exit_code


class Program(click.Group):
    """A group of commands whose expected errors are one clear line on standard error."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """As the shell runs it."""
        prepare_standard_output()
        return super().__call__(*arguments, **options)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with errors_in_one_line():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with errors_in_one_line():
            return super().invoke(ctx)


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Turn expected errors into exceptions that click shows as one line."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        usage = f" See `{error.ctx.command_path} --help`." if error.ctx is not None else ""
        raise WrongUsage(f"{error.format_message().rstrip('.')}.{usage}") from None
    except InvalidField as error:
        raise click.ClickException(f"{error.field}: {error}") from None
    except OutputClosed:
        raise click.exceptions.Exit(0) from None
    except OutputFailed as error:
        raise click.ClickException(str(error)) from None
    except EXPECTED as error:
        raise click.ClickException(str(error)) from None
    except UnicodeEncodeError:
        raise click.ClickException("an argument has bytes that are not UTF-8") from None
    except OTHER_SCHEMA as error:
        raise click.ClickException(
            f"the schema is not that of this release: {first_line(error)} (`onrecord db init` brings it up to date)"
        ) from None
    except asyncpg.PostgresError as error:
        raise click.ClickException(f"the database refuses: {first_line(error)}") from None


def first_line(error: asyncpg.PostgresError) -> str:
    """What PostgreSQL says first; details and hints follow it."""
    return str(error).partition("\n")[0]


@click.group("onrecord", cls=Program, epilog="Every setting is an environment variable: see docs/configuration.md.")
@click.version_option(package_name="onrecord")
def main() -> None:
    """An event-sourced chat backend: what was said is kept, proved and replayed.

    \b
    onrecord serve                        the whole service on an embedded PostgreSQL
    PORT=9100 DATA_DIR=b onrecord serve   a second service
    onrecord demo --room-size 1000        a big room to try things out
    psql "$(onrecord db url)"             look at the log
    """


main.add_command(serve)
main.add_command(demo)
main.add_command(user)
for account_command in user_access.COMMANDS:
    user.add_command(account_command)
user.add_command(erase_user)
main.add_command(room)
for room_command in room_governance.COMMANDS:
    room.add_command(room_command)
main.add_command(message)
main.add_command(db)
main.add_command(fanout)
main.add_command(events)
main.add_command(projections)
main.add_command(attachments)
main.add_command(audit)
main.add_command(hold)
main.add_command(retention)
main.add_command(actions)
