"""`onrecord db backup` and `restore`: the whole database to a file, and from a file."""

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from api.settings import Settings
from cli.support.environment import bring_up_to_date, database, existing_database, location
from cli.support.operator_options import operator_options
from cli.support.servers.foreground import interruptible
from cli.support.servers.sole_server import no_server
from postgres.connect import connect
from postgres.database import unavailable_is_one_error
from postgres.dump import check_dump, holds_tables, restore_dump, write_dump
from projections.operator_actions import Operator

STANDARD_INPUT = Path("-")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, writable=True))
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
def backup(file: Path, overwrite: bool) -> None:
    """Write the whole database to FILE, as pg_dump's custom format. Safe while servers run.

    FILE appears when it is complete. Accounts and sessions are in it, so only its owner can read it. The secrets in
    DATA_DIR/secrets.json are not in it.

    \b
    onrecord db backup onrecord.dump
    """
    if file.exists() and not overwrite:
        raise click.UsageError(f"{file} exists; --overwrite replaces it")
    with interruptible("nothing was written"), existing_database(Settings.from_environment()) as settings:
        try:
            write_dump(settings.database_url, file)
        except OSError as error:
            raise click.ClickException(f"cannot write {file}: {error.strerror or error}") from None
    click.echo(f"backed up, {file.stat().st_size:,} bytes: {file}. Keep it secret (mode 0600)")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True, allow_dash=True))
@operator_options
def restore(file: Path, operator: Operator) -> None:
    """Make the database from FILE, a backup: in an empty database, or in a DATA_DIR that has none.

    All of it or nothing. The schema is then brought up to date. Roles and their rights are not in FILE: see `db grant`.
    FILE may be - for standard input, of which a copy is kept in the temporary directory meanwhile.

    \b
    onrecord db restore onrecord.dump --why "the disk died"
    DATABASE_URL=postgresql://… onrecord db restore onrecord.dump --why "a server of our own"
    """
    configured = Settings.from_environment()
    with interruptible("nothing was restored"), _readable_twice(file) as dump:
        check_dump(dump)
        with no_server(configured), database(configured) as settings:
            if asyncio.run(_holds_tables(settings)):
                raise click.ClickException(f"{location(configured)} is not empty; restore into an empty database")
            restore_dump(settings.database_url, dump)
            bring_up_to_date(settings)
            asyncio.run(_record(settings, operator, dump))
    click.echo(f"restored into {location(configured)}")


@contextlib.contextmanager
def _readable_twice(file: Path) -> Iterator[Path]:
    """A file that can be checked before it is restored: `file`, or a copy of standard input."""
    if file != STANDARD_INPUT:
        yield file
        return
    if sys.stdin.isatty():
        raise click.UsageError("standard input is a terminal: redirect a backup to it with <")
    with tempfile.TemporaryDirectory(prefix="onrecord-") as folder:
        copy = Path(folder) / "standard input"
        try:
            with copy.open("wb") as out:
                shutil.copyfileobj(sys.stdin.buffer, out)
        except OSError as error:
            raise click.ClickException(f"cannot copy standard input to {folder}: {error.strerror or error}") from None
        yield copy


async def _holds_tables(settings: Settings) -> bool:
    with unavailable_is_one_error():
        connection = await connect(settings.database_url, timeout_s=settings.database_timeout_s)
        try:
            return await holds_tables(connection)
        finally:
            await connection.close()


async def _record(settings: Settings, operator: Operator, file: Path) -> None:
    """What was done, and the statistics by which PostgreSQL plans: they are not in a dump."""
    with unavailable_is_one_error():
        connection = await connect(settings.database_url, timeout_s=settings.database_timeout_s)
        try:
            await operator.record("restore", file.name, connection)
            await connection.execute("ANALYZE")
        finally:
            await connection.close()
