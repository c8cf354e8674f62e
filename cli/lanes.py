"""`onrecord projections pause`, `resume`, `skip` and `dead-letters`: what operators do about the fan-out."""

import click

from cli.foreground import in_the_foreground
from cli.output import moment, print_json
from cli.reading import Reader, read
from projections import lanes
from projections.dead_letters import DeadLetter, read_dead_letters


@click.command()
def pause() -> None:
    """Let the fan-out publish nothing more until it is resumed. The log goes on; nothing is lost.

    \b
    onrecord projections pause
    """

    async def run(opened: Reader) -> None:
        async with opened.database.connection() as connection:
            await lanes.pause(connection)

    in_the_foreground(run)
    click.echo("the fan-out is paused")


@click.command()
def resume() -> None:
    """Let the fan-out go on, where it was paused and where an error stopped it: that event is tried again.

    \b
    onrecord projections resume
    """

    async def run(opened: Reader) -> None:
        async with opened.database.connection() as connection:
            await lanes.resume(connection)

    in_the_foreground(run)
    click.echo("the fan-out goes on")


@click.command()
@click.argument("position", type=click.IntRange(min=1))
def skip(position: int) -> None:
    """Set the event at POSITION aside, which stopped the fan-out, and go on behind it. Exit code 1 when none did.

    \b
    onrecord projections status
    onrecord projections skip 17
    """

    async def run(opened: Reader) -> bool:
        async with opened.database.connection() as connection:
            return await lanes.skip(position, connection)

    if not in_the_foreground(run):
        raise click.ClickException(f"nothing has stopped at position {position}")
    click.echo(f"the event at position {position} will be among the dead letters")


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
        async with reader.database.connection() as connection:
            found = await read_dead_letters(connection)
        for letter in found:
            print_json(letter) if as_json else print_letter(letter)
        if found:
            raise click.exceptions.Exit(1)

    read(run)


def print_letter(letter: DeadLetter) -> None:
    click.echo(
        f"{letter.dead_letter_id:>6}  {moment(letter.set_aside_at)}  fanout-{letter.lane}"
        f"  position {letter.position:,}  {letter.room_id} {letter.version}  {letter.reason}"
    )
