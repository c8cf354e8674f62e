"""`onrecord events export` and `import`: the log to a file, and from a file."""

import asyncio
from pathlib import Path
from typing import Any

import click

from api.attachments.storage import FileMissing
from api.wiring import create_moved_accounts, create_moved_files
from audit.heads.statement import SUFFIX, HeadsFile
from cli.support.log_reader import Reader
from cli.support.operator_options import put_on_record, recorded_options
from cli.support.progress_bar import progress
from cli.support.servers.foreground import in_the_foreground, interruptible
from cli.support.signed_log import state_heads
from projections.operator_actions import Operator
from replay.archive import transfer
from replay.archive.account_line import AccountTable
from replay.archive.archive_reader import COMPRESSED, PLAIN
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
@click.option("--with-accounts", is_flag=True, help="Accounts too, with the hashes of their passwords: a secret.")
@click.option("--without-content", is_flag=True, help="Without messages, their files, and names.")
@click.option("--without-files", is_flag=True, help="Without the files of messages.")
@click.option("--with-heads", is_flag=True, help="Also FILE.heads, by which others know that FILE is all.")
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
def export_(
    file: Path, with_accounts: bool, without_content: bool, without_files: bool, with_heads: bool, overwrite: bool
) -> None:
    """Write the whole log and the files of messages to FILE as JSON Lines: .jsonl, or compressed, .gz, .xz or .bz2.

    The last line is a manifest: the range of positions, the number of events, and the SHA-256 of all lines before it.
    FILE appears when it is complete. An interrupted export continues when it is run again. With accounts, the file is
    readable by its owner only.

    With heads, FILE.heads is what `onrecord audit heads` writes, of a checkpoint whose events are all in FILE.

    \b
    onrecord events export log.jsonl.gz
    onrecord events export --with-heads log.jsonl.gz
    onrecord events export --with-accounts everything.jsonl.gz
    """
    if file.exists() and not overwrite:
        raise click.UsageError(f"{file} exists; --overwrite replaces it")
    with interruptible("run it again to continue"), progress("export") as report:
        try:
            exported, stated = in_the_foreground(
                lambda reader: _export(
                    reader,
                    file,
                    report,
                    accounts=create_moved_accounts() if with_accounts else None,
                    with_content=not without_content,
                    with_files=not without_files,
                    with_heads=with_heads,
                )
            )
        except OSError as error:
            raise click.ClickException(f"cannot write {file}: {error.strerror or error}") from None
        except FileMissing:
            raise click.ClickException("a file of a message was erased meanwhile: run it again") from None
    manifest = exported.manifest
    click.echo(f"exported {manifest.events:,} events, positions {manifest.first:,} to {manifest.last:,}: {file}")
    if stated is not None:
        size = stated.heads.checkpoint.size
        click.echo(f"and the heads of its first {size:,} events: {_heads_of(file)}")
    if manifest.accounts is not None:
        click.echo(f"and {manifest.accounts:,} accounts with the hashes of their passwords: keep it secret (mode 0600)")
    if manifest.files is not None:
        click.echo(f"and {manifest.files:,} files of messages")
    for each in exported.files_lacking:
        click.echo(f"not exported, its bytes are missing or altered: file {each.upload_id} in {each.room_id}", err=True)
    if exported.files_lacking:
        raise SystemExit(1)


async def _export(
    reader: Reader,
    file: Path,
    report: Report,
    *,
    accounts: AccountTable | None,
    with_content: bool,
    with_files: bool,
    with_heads: bool,
) -> tuple[transfer.Exported, HeadsFile | None]:
    """Write the log, and the heads of a checkpoint that was signed before: the file has all of it."""
    stated = await state_heads(reader) if with_heads else None
    database = reader.reads.database
    files = create_moved_files(reader.settings, database) if with_files else None
    exported = await transfer.export(database, file, report, accounts=accounts, files=files, with_content=with_content)
    if stated is not None:
        await asyncio.to_thread(_heads_of(file).write_text, str(stated), encoding="utf-8")
    return exported, stated


def _heads_of(file: Path) -> Path:
    """Where the heads of an export are."""
    return file.with_name(f"{file.name}{SUFFIX}")


@click.command(name="import")
@click.argument("file", type=ArchiveFile(path_type=Path, exists=True, dir_okay=False, readable=True))
@click.option("--same-people", is_flag=True, help="Accounts here that have ids of the log are those people.")
@recorded_options
def import_(file: Path, same_people: bool, operator: Operator) -> None:
    """Append the events of FILE, an export, to an empty log: same positions, same versions. Publishes nothing.

    All of FILE is checked before anything is recorded. An interrupted import continues when it is run again. Rebuild
    the projections afterwards, or start the service: it brings them up to date.

    Accounts in FILE are created with the ids that they had. Accounts here must not have ids of people in FILE.

    \b
    onrecord events import log.jsonl.gz
    onrecord projections rebuild
    """
    with interruptible("run it again to continue"), progress("check") as checking, progress("import") as report:
        imported = in_the_foreground(
            lambda reader: _import(reader, file, report, checking, operator, same_people=same_people)
        )
    manifest = imported.manifest
    positions = f"positions {manifest.first:,} to {manifest.last:,}"
    click.echo(f"imported {imported.events:,} of {manifest.events:,} events, {positions}")
    if manifest.accounts is not None:
        click.echo(f"and {imported.accounts:,} of {manifest.accounts:,} accounts")
    if manifest.files is not None:
        click.echo(f"and {imported.files:,} of {manifest.files:,} files of messages")
    if imported.files_lacking:
        click.echo(
            f"{imported.files_lacking:,} files of messages are not in {file.name}: "
            "their messages name them, and they cannot be opened",
            err=True,
        )


async def _import(
    reader: Reader, file: Path, report: Report, checking: Report, operator: Operator, *, same_people: bool
) -> transfer.Imported:
    dsn, database = reader.settings.database_url, reader.reads.database
    await put_on_record(operator, "import", file.name, database)
    imported = await transfer.import_(
        dsn,
        file,
        reader.reads.log,
        create_moved_accounts(),
        create_moved_files(reader.settings, database),
        report,
        same_people=same_people,
        checking=checking,
    )
    await put_on_record(
        operator, "imported", f"{imported.events:,} events of {file.name}, {imported.manifest.sha256}", database
    )
    return imported
