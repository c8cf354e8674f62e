"""`onrecord db`: the database itself."""

import asyncio
import os
from pathlib import Path

import asyncpg
import click

from api import wiring
from api.settings import Settings
from cli.commands.db_backup import backup, restore
from cli.commands.db_stats import stats
from cli.support.environment import bring_up_to_date, database, existing_database
from cli.support.operator_options import recorded_options
from cli.support.progress_bar import progress
from eventstore.service_role import grant_service_role
from postgres.database import unavailable_is_one_error
from postgres.embedded import EmbeddedPostgres
from projections.operator_actions import Operator
from replay.progress import Progress


@click.group()
def db() -> None:
    """The database: its schema, its address, backups."""


@db.command()
@click.option(
    "--index/--no-index", "builds_index", default=True, help="Build the index for search, or leave it to the service."
)
def init(builds_index: bool) -> None:
    """Create the schema and its functions, or bring them up to date. Safe to repeat, and while servers run.

    Then it builds the index for search, as far as that is missing, while people go on talking. You may interrupt it:
    the service does the rest, or this command when it runs again.

    \b
    onrecord db init
    DATABASE_URL=postgresql://… onrecord db init
    """
    with database(Settings.from_environment()) as settings:
        for applied in bring_up_to_date(settings):
            click.echo(f"applied {applied}")
        click.echo("the schema is up to date")
        if builds_index:
            asyncio.run(_build_index(settings))


@db.command()
@click.argument("role")
@recorded_options
def grant(role: str, operator: Operator) -> None:
    """Create ROLE for the service, with the password in SERVICE_PASSWORD, and grant it what it needs.

    It writes rows and changes no table, so it cannot switch off what keeps the log append-only. Run this as the owner
    of the schema, after `onrecord db init`, and again after each upgrade.

    \b
    SERVICE_PASSWORD=… DATABASE_URL=postgresql://owner@… onrecord db grant onrecord_service
    """
    if not (password := os.environ.get("SERVICE_PASSWORD", "")):
        raise click.ClickException("SERVICE_PASSWORD: required")

    async def apply(dsn: str) -> None:
        with unavailable_is_one_error():
            connection = await asyncpg.connect(dsn)
            try:
                async with connection.transaction():
                    await grant_service_role(connection, role, password)
                    await operator.record("grant", f"the service's rights to {role}", connection)
            finally:
                await connection.close()

    with existing_database(Settings.from_environment()) as settings:
        asyncio.run(apply(settings.database_url))
    click.echo(f"{role} may run the service")


@db.command()
def url() -> None:
    """Print the URL of the database in use. The embedded one answers while `onrecord serve` runs.

    \b
    psql "$(onrecord db url)"
    """
    settings = Settings.from_environment()
    if settings.embedded and not (Path(settings.data_dir) / "postgres").exists():
        raise click.ClickException(f"there is no embedded database in {settings.data_dir}: run `onrecord serve` first")
    click.echo(settings.database_url or EmbeddedPostgres(Path(settings.data_dir)).dsn)


async def _build_index(settings: Settings) -> None:
    """Bring the index for search up to date, if this is not a standby, which gets it from its primary."""
    async with wiring.open_reads(settings) as reads:
        if await reads.database.fetchval("SELECT pg_is_in_recovery()"):
            return
        first, head = await reads.search_index.progress()
        if first >= head:
            return
        with progress("index for search") as report:
            more = True
            while more:
                more = await reads.search_index.index_slice()
                done, head = await reads.search_index.progress()
                report(Progress(done, head, done - first))
    click.echo("the index for search is up to date")


db.add_command(backup)
db.add_command(restore)
db.add_command(stats)
