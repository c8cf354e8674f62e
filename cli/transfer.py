"""`onrecord events export` and `import`: the log into a file and out of it."""

from pathlib import Path

import click

from cli.foreground import in_the_foreground, interruptible
from cli.progress import progress
from replay import transfer


@click.command(name="export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, writable=True))
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
def export_(file: Path, overwrite: bool) -> None:
    """Write the whole log to FILE as JSON Lines, compressed where its name ends in .gz, .xz or .bz2.

    The last line is a manifest with the range of positions, the number of events and a SHA-256 of all before it.

    \b
    onrecord events export log.jsonl.gz
    """
    if file.exists() and not overwrite:
        raise click.UsageError(f"there is a {file} already; --overwrite replaces it")
    with interruptible("nothing was written"), progress("export") as report:
        try:
            manifest = in_the_foreground(lambda opened: transfer.export(opened.database, file, report))
        except OSError as error:
            raise click.ClickException(f"cannot write {file}: {error.strerror or error}") from None
    click.echo(f"exported {manifest.events:,} events, positions {manifest.first:,} to {manifest.last:,}: {file}")


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True))
def import_(file: Path) -> None:
    """Append the events of FILE, an export, to a log that is empty: same positions, same versions. Publishes nothing.

    FILE is checked from end to end before anything is recorded. An import that was interrupted goes on when it is run
    again. Rebuild the projections afterwards, or start the service, which brings them up to date by itself.

    \b
    onrecord events import log.jsonl.gz
    onrecord projections rebuild
    """
    with interruptible("run it again to go on"), progress("import") as report:
        manifest, added = in_the_foreground(lambda opened: transfer.import_(opened.settings.database_url, file, report))
    click.echo(f"imported {added:,} of {manifest.events:,} events, positions {manifest.first:,} to {manifest.last:,}")
