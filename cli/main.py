"""The command line: `onrecord`."""

from typing import Any

import click

from api.settings import SettingsError
from cli.db import db
from cli.demo import demo
from cli.events import events
from cli.fanout import fanout
from cli.projections import projections
from cli.room import room
from cli.serve import serve
from cli.user import user
from domain.errors import ChatError, InvalidField
from eventstore.embedded import EmbeddedPostgresError
from eventstore.errors import StoreError
from eventstore.migrations import MigrationError
from projections.layout import LanesBusy

EXPECTED = (SettingsError, EmbeddedPostgresError, MigrationError, StoreError, ChatError, LanesBusy)
"""What can go wrong without a defect: one line for each, and exit code 1."""


class Program(click.Group):
    """A group of commands whose expected errors are one clear line on standard error."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InvalidField as error:
            raise click.ClickException(f"{error.field}: {error}") from None
        except EXPECTED as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=Program, epilog="Every setting is an environment variable: see docs/configuration.md.")
@click.version_option(package_name="onrecord")
def main() -> None:
    """An event-sourced chat backend: what was said is kept, proved and replayed.

    \b
    onrecord serve                        the whole service on an embedded PostgreSQL
    PORT=9100 DATA_DIR=b onrecord serve   a second one beside it
    onrecord demo --room-size 1000        a big room to try things in
    psql "$(onrecord db url)"             look at the log
    """


main.add_command(serve)
main.add_command(demo)
main.add_command(user)
main.add_command(room)
main.add_command(db)
main.add_command(fanout)
main.add_command(events)
main.add_command(projections)
