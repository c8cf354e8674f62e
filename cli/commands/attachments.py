"""`onrecord attachments`: the files of messages."""

import click

from api.wiring import create_file_check
from cli.support.output import print_json
from cli.support.progress_bar import progress
from cli.support.servers.foreground import in_the_foreground, interruptible


@click.group()
def attachments() -> None:
    """The files of messages: their bytes, compared with the log."""


@attachments.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def verify(as_json: bool) -> None:
    """Read every file that a message names and compare its size and SHA-256 with those of its event, which the tree
    over the log has. Find bytes that nothing names, and those of erased messages that are still there. Each finding is
    a line; then exit code 1.

    \b
    onrecord attachments verify
    """
    with interruptible("nothing was changed"), progress("files") as report:
        found = in_the_foreground(
            lambda reader: create_file_check(reader.settings, reader.reads.database).run(report), without_words=True
        )
    for finding in found.findings:
        print_json({"finding": finding}) if as_json else click.echo(f"FOUND  {finding}")
    if as_json:
        print_json({"files": found.named, "bytes": found.bytes, "findings": len(found.findings)})
    elif not found.findings:
        click.echo(f"{found.named:,} files of messages, {found.bytes:,} bytes: all are there, as the log says")
    if found.findings:
        raise click.exceptions.Exit(1)
