"""`onrecord db`: the database itself."""

import asyncio
import os
from pathlib import Path

import asyncpg
import click

from api.settings import Settings
from cli.commands.db_backup import backup, restore
from cli.support.environment import bring_up_to_date, database, existing_database
from cli.support.operator_options import recorded_options
from eventstore.service_role import grant_service_role
from postgres.database import unavailable_is_one_error
from postgres.embedded import EmbeddedPostgres
from projections.operator_actions import Operator


@click.group()
def db() -> None:
    """The database: its schema, its address, backups."""


@db.command()
def init() -> None:
    """Create the schema and its functions, or bring them up to date. Safe to repeat, and while servers run.

    \b
    onrecord db init
    DATABASE_URL=postgresql://… onrecord db init
    """
    with database(Settings.from_environment()) as settings:
        for applied in bring_up_to_date(settings):
            click.echo(f"applied {applied}")
    click.echo("the schema is up to date")


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


db.add_command(backup)
db.add_command(restore)
