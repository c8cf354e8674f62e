"""`onrecord fanout dead-letters`: the events that lanes set aside."""

import click

from cli.support.log_reader import Reader, read
from cli.support.numbers import POSITION
from cli.support.operator_options import operator_options
from cli.support.output import RoomNames, moment, print_json, room_of
from cli.support.publishing import republishing
from cli.support.servers.foreground import in_the_foreground
from projections.fanout import operator_commands
from projections.fanout.dead_letters import DeadLetter, read_dead_letter, read_dead_letters
from projections.fanout.republish import Selection
from projections.operator_actions import Operator


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Events that were set aside: refused by the real-time server for good, or skipped by an operator."""


@dead_letters.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(as_json: bool) -> None:
    """List the dead letters. Exit code 1 when there are any.

    \b
    onrecord fanout dead-letters list
    """

    async def run(reader: Reader) -> None:
        async with reader.reads.database.connection() as connection:
            dead_letters = await read_dead_letters(connection)
        rooms = await reader.room_names(dead_letter.room_id for dead_letter in dead_letters)
        for dead_letter in dead_letters:
            print_json(dead_letter) if as_json else print_dead_letter(dead_letter, rooms)
        if dead_letters:
            raise click.exceptions.Exit(1)

    read(run)


@dead_letters.command()
@click.argument("dead_letter_id", metavar="ID", type=POSITION)
@operator_options
def retry(dead_letter_id: int, operator: Operator) -> None:
    """Publish the event, then delete the dead letter. Publishes to the same server as `onrecord fanout replay`.

    \b
    onrecord fanout dead-letters list
    onrecord fanout dead-letters retry 1 --why "the server takes larger messages now"
    """

    async def run(reader: Reader) -> int:
        dead_letter = await get_dead_letter(dead_letter_id, reader)
        async with republishing(reader) as (republisher, publisher):
            total = await republisher.publish(Selection(dead_letter.position, dead_letter.position), publisher)
        await operator_commands.forget_dead_letter(dead_letter_id, "retry", operator, reader.reads.database)
        return total.channels

    click.echo(f"published, channels: {in_the_foreground(run):,}")


@dead_letters.command()
@click.argument("dead_letter_id", metavar="ID", type=POSITION)
@operator_options
def discard(dead_letter_id: int, operator: Operator) -> None:
    """Delete the dead letter without publishing. The event stays in the log and on every page.

    \b
    onrecord fanout dead-letters discard 1 --why "all have loaded the page since"
    """

    async def run(reader: Reader) -> None:
        await get_dead_letter(dead_letter_id, reader)
        await operator_commands.forget_dead_letter(dead_letter_id, "discard", operator, reader.reads.database)

    in_the_foreground(run, without_words=True)
    click.echo(f"dead letter {dead_letter_id} is deleted")


async def get_dead_letter(dead_letter_id: int, reader: Reader) -> DeadLetter:
    async with reader.reads.database.connection() as connection:
        dead_letter = await read_dead_letter(dead_letter_id, connection)
    if dead_letter is None:
        raise click.ClickException(f"there is no dead letter {dead_letter_id}")
    return dead_letter


def print_dead_letter(dead_letter: DeadLetter, rooms: RoomNames) -> None:
    room = room_of(dead_letter.room_id, rooms)
    click.echo(
        f"{dead_letter.dead_letter_id:>6}  {moment(dead_letter.set_aside_at)}  fanout-{dead_letter.lane}"
        f"  position {dead_letter.position:,}  {room} version {dead_letter.version}  {dead_letter.reason}"
    )
