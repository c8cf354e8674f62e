"""`onrecord audit`: what the log holds of people's words, and what can be erased."""

import click

from cli.commands.audit_reapply import reapply
from cli.commands.audit_scrub import scrub_
from cli.support.log_reader import Reader, read
from cli.support.output import one_line, print_fields, print_json
from replay.investigate.words_status import WordsStatus, read_words_status


@click.group()
def audit() -> None:
    """What people typed: what stands apart from the log, and what can never be erased."""


@audit.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(as_json: bool) -> None:
    """Count messages and names of rooms: those that can be erased, those that were, and those in the log itself.

    Events from before words stood apart from the log hold their words, and so do those that other applications record.
    The log never changes, so these cannot be erased. They are named by room.

    \b
    onrecord audit status
    """

    async def run(reader: Reader) -> None:
        found = await read_words_status(reader.reads.database)
        if as_json:
            print_json(found)
        else:
            _print(found)

    read(run)


audit.add_command(scrub_)
audit.add_command(reapply)


def _print(found: WordsStatus) -> None:
    print_fields(
        (
            ("sealed", f"{found.sealed:,} texts apart from the log, which can be erased"),
            ("erased", f"{found.erased:,}"),
            ("plain", f"{found.plain:,} texts in the log itself, which cannot be erased"),
            ("of others", f"{found.of_others:,} events of other applications, not looked into"),
        )
    )
    for room in found.plain_rooms:
        click.echo(f"{room.events:>10,}  plain in {room.room_id}  {one_line(room.name)}")
