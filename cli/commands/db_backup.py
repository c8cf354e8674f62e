"""`onrecord db backup` and `restore`: the whole database to a file, and from a file."""

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import click

from api.settings import Settings
from cli.support.environment import bring_up_to_date, database, existing_database, location
from cli.support.operator_options import operator_options
from cli.support.servers.foreground import interruptible
from cli.support.servers.sole_server import no_server
from postgres.connect import connect
from postgres.database import unavailable_is_one_error
from postgres.dump import check_dump, holds_tables, restore_dump, write_dump
from projections.operator_actions import Operator, OperatorAction, read_newest_actions

STANDARD_INPUT = Path("-")
LOOKED_AT = 10
"""How many operator actions are looked at to tell whether a restore is repeated."""


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
            if (found := asyncio.run(_look_for_tables(settings, dump))) is not None:
                raise click.ClickException(f"{location(configured)} is not empty; {found}")
            restore_dump(settings.database_url, dump, last=operator.record_in_script("restore", dump.name))
            bring_up_to_date(settings)
            asyncio.run(_analyze(settings))
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


async def _look_for_tables(settings: Settings, file: Path) -> str | None:
    """None where the database is empty, and otherwise what to do instead."""
    with unavailable_is_one_error():
        connection = await connect(settings.database_url, timeout_s=settings.database_timeout_s)
        try:
            if not await holds_tables(connection):
                return None
            if any(action.action == "restore" and action.subject == file.name for action in await _actions(connection)):
                return f"{file.name} was restored into it: start the service (`onrecord actions` says when)"
            return "restore into an empty database"
        finally:
            await connection.close()


async def _actions(connection: asyncpg.Connection) -> list[OperatorAction]:
    try:
        return await read_newest_actions(LOOKED_AT, connection)
    except asyncpg.UndefinedTableError:
        return []  # tables of others


async def _analyze(settings: Settings) -> None:
    """Make the statistics by which PostgreSQL plans: they are not in a dump."""
    with unavailable_is_one_error():
        connection = await connect(settings.database_url, timeout_s=settings.database_timeout_s)
        try:
            await connection.execute("ANALYZE")
        finally:
            await connection.close()
