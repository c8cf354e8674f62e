"""`onrecord events export` and `import`: the log to a file, and from a file."""

from pathlib import Path
from typing import Any

import click

from cli.support.foreground import in_the_foreground, interruptible
from cli.support.log_reader import Reader
from cli.support.operator_options import put_on_record, recorded_options
from cli.support.progress_bar import progress
from projections.operator_actions import Operator
from replay.archive import transfer
from replay.archive.archive_reader import COMPRESSED, PLAIN, Manifest
from replay.progress import Report


class ArchiveFile(click.Path):
    """A file whose name ends in .jsonl or in the suffix of a compression."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        file = super().convert(value, param, ctx)
        if Path(str(file)).suffix not in (PLAIN, *COMPRESSED):
            self.fail(f"a log is {PLAIN}, or compressed {', '.join(COMPRESSED)}: {value!r} is neither", param, ctx)
        return file


@click.command(name="export")
@click.argument("file", type=ArchiveFile(path_type=Path, dir_okay=False, writable=True))
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
def export_(file: Path, overwrite: bool) -> None:
    """Write the whole log to FILE as JSON Lines, named .jsonl, or compressed: .gz, .xz or .bz2.

    The last line is a manifest: the range of positions, the number of events, and the SHA-256 of all lines before it.
    FILE appears when it is complete. An interrupted export continues when it is run again.

    \b
    onrecord events export log.jsonl.gz
    """
    if file.exists() and not overwrite:
        raise click.UsageError(f"{file} exists; --overwrite replaces it")
    with interruptible("run it again to continue"), progress("export") as report:
        try:
            manifest = in_the_foreground(lambda reader: transfer.export(reader.reads.database, file, report))
        except OSError as error:
            raise click.ClickException(f"cannot write {file}: {error.strerror or error}") from None
    click.echo(f"exported {manifest.events:,} events, positions {manifest.first:,} to {manifest.last:,}: {file}")


@click.command(name="import")
@click.argument("file", type=ArchiveFile(path_type=Path, exists=True, dir_okay=False, readable=True))
@recorded_options
def import_(file: Path, operator: Operator) -> None:
    """Append the events of FILE, an export, to an empty log: same positions, same versions. Publishes nothing.

    All of FILE is checked before anything is recorded. An interrupted import continues when it is run again. Rebuild
    the projections afterwards, or start the service: it brings them up to date.

    \b
    onrecord events import log.jsonl.gz
    onrecord projections rebuild
    """
    with interruptible("run it again to continue"), progress("check") as checking, progress("import") as report:
        manifest, added = in_the_foreground(lambda reader: _import(reader, file, report, checking, operator))
    click.echo(f"imported {added:,} of {manifest.events:,} events, positions {manifest.first:,} to {manifest.last:,}")


async def _import(
    reader: Reader, file: Path, report: Report, checking: Report, operator: Operator
) -> tuple[Manifest, int]:
    dsn, database = reader.settings.database_url, reader.reads.database
    await put_on_record(operator, "import", file.name, database)
    manifest, added = await transfer.import_(dsn, file, reader.reads.log, report, checking=checking)
    await put_on_record(operator, "imported", f"{added:,} events of {file.name}, {manifest.sha256}", database)
    return manifest, added
