"""`onrecord db`: the database itself."""

from pathlib import Path

import click

from api.settings import Settings
from cli.support.environment import bring_up_to_date, database
from postgres.embedded import EmbeddedPostgres


@click.group()
def db() -> None:
    """The database: its schema and its address."""


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
def url() -> None:
    """Print the URL of the database in use. The embedded one answers while `onrecord serve` runs.

    \b
    psql "$(onrecord db url)"
    """
    settings = Settings.from_environment()
    if settings.embedded and not (Path(settings.data_dir) / "postgres").exists():
        raise click.ClickException(f"there is no embedded database in {settings.data_dir}: run `onrecord serve` first")
    click.echo(settings.database_url or EmbeddedPostgres(Path(settings.data_dir)).dsn)
