"""`onrecord projections pause`, `resume`, `skip`, `dead-letters` and `actions`: what operators do about the fan-out."""

import click

from cli.support.foreground import in_the_foreground
from cli.support.log_reader import Reader, read
from cli.support.operator_options import operator_options
from cli.support.output import moment, print_json
from cli.support.publishing import republishing
from projections.fanout import operator_commands as minding
from projections.fanout.dead_letters import DeadLetter, read_dead_letter, read_dead_letters
from projections.fanout.republish import Selection
from projections.operator_actions import Operator, read_actions


@click.command()
@operator_options
def pause(operator: Operator) -> None:
    """Let the fan-out publish nothing more until it is resumed. The log goes on; nothing is lost.

    \b
    onrecord projections pause --why "Centrifugo is being upgraded"
    """
    in_the_foreground(lambda opened: minding.pause(operator, opened.reads.database))
    click.echo("the fan-out is paused")


@click.command()
@operator_options
def resume(operator: Operator) -> None:
    """Let the fan-out go on, where it was paused and where an error stopped it: that event is tried again.

    \b
    onrecord projections resume --why "the upgrade is done"
    """
    in_the_foreground(lambda opened: minding.resume(operator, opened.reads.database))
    click.echo("the fan-out goes on")


@click.command()
@click.argument("position", type=click.IntRange(min=1))
@operator_options
def skip(position: int, operator: Operator) -> None:
    """Set the event at POSITION aside, which stopped the fan-out, and go on behind it. Exit code 1 when none did.

    \b
    onrecord projections status
    onrecord projections skip 17 --why "larger than the server takes"
    """
    if not in_the_foreground(lambda opened: minding.skip(position, operator, opened.reads.database)):
        raise click.ClickException(f"nothing has stopped at position {position}")
    click.echo(f"the event at position {position} will be among the dead letters")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def actions(as_json: bool) -> None:
    """List what operators did, who and why, oldest first.

    \b
    onrecord projections actions
    """

    async def run(reader: Reader) -> None:
        async with reader.reads.database.connection() as connection:
            found = await read_actions(connection)
        for each in found:
            if as_json:
                print_json(each)
            else:
                click.echo(f"{moment(each.taken_at)}  {each.who:<12} {each.action:<8} {each.subject}: {each.why}")

    read(run)


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Publications that were refused for good and set aside."""


@dead_letters.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(as_json: bool) -> None:
    """List what was set aside. Exit code 1 when there is something.

    \b
    onrecord projections dead-letters list
    """

    async def run(reader: Reader) -> None:
        async with reader.reads.database.connection() as connection:
            found = await read_dead_letters(connection)
        for letter in found:
            print_json(letter) if as_json else print_letter(letter)
        if found:
            raise click.exceptions.Exit(1)

    read(run)


@dead_letters.command()
@click.argument("dead_letter_id", metavar="ID", type=click.IntRange(min=1))
@operator_options
def retry(dead_letter_id: int, operator: Operator) -> None:
    """Publish what was set aside, and forget it. Goes where `onrecord fanout replay` goes.

    \b
    onrecord projections dead-letters list
    onrecord projections dead-letters retry 1 --why "the server takes larger messages now"
    """

    async def run(opened: Reader) -> int:
        letter = await found(dead_letter_id, opened)
        async with republishing(opened) as (republisher, publisher):
            total = await republisher.publish(Selection(letter.position, letter.position), publisher)
        await minding.forget_dead_letter(dead_letter_id, "retry", operator, opened.reads.database)
        return total.channels

    click.echo(f"published, channels: {in_the_foreground(run):,}")


@dead_letters.command()
@click.argument("dead_letter_id", metavar="ID", type=click.IntRange(min=1))
@operator_options
def discard(dead_letter_id: int, operator: Operator) -> None:
    """Forget what was set aside. It stays in the log, and in every page.

    \b
    onrecord projections dead-letters discard 1 --why "everybody has loaded the page since"
    """

    async def run(opened: Reader) -> None:
        await found(dead_letter_id, opened)
        await minding.forget_dead_letter(dead_letter_id, "discard", operator, opened.reads.database)

    in_the_foreground(run)
    click.echo(f"dead letter {dead_letter_id} is forgotten")


async def found(dead_letter_id: int, opened: Reader) -> DeadLetter:
    async with opened.reads.database.connection() as connection:
        letter = await read_dead_letter(dead_letter_id, connection)
    if letter is None:
        raise click.ClickException(f"there is no dead letter {dead_letter_id}")
    return letter


def print_letter(letter: DeadLetter) -> None:
    click.echo(
        f"{letter.dead_letter_id:>6}  {moment(letter.set_aside_at)}  fanout-{letter.lane}"
        f"  position {letter.position:,}  {letter.room_id} {letter.version}  {letter.reason}"
    )
