"""`onrecord fanout`: the lanes that publish the log, and operator commands to them."""

import asyncio
from collections.abc import Sequence

import asyncpg
import click

from api.settings import Settings
from cli.commands.dead_letters import dead_letters
from cli.support.environment import bring_up_to_date, existing_database
from cli.support.log_reader import Reader
from cli.support.numbers import POSITION
from cli.support.operator_options import by_option, operator_options, recorded_options
from cli.support.output import room_of, user_of
from cli.support.publishing import create_republisher, republishing
from cli.support.servers.foreground import in_the_foreground
from eventstore.log import LAST_POSITION
from eventstore.values import Position
from postgres.database import unavailable_is_one_error
from projections.fanout import operator_commands
from projections.fanout.lane_table import LaneRow, read_lanes
from projections.fanout.republish import Selection, Total
from projections.fanout.resize import change_lanes
from projections.operator_actions import Operator

MOST_LANES = 1000
"""Each lane costs its process a connection and two queries a second."""


@click.group()
def fanout() -> None:
    """The fan-out, which publishes the log to the channels of members."""


@fanout.command()
@click.argument("number", metavar="[N]", type=click.IntRange(1, MOST_LANES), required=False)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0, 86_400),
    default=60.0,
    show_default=True,
    help="Seconds that the lanes have to reach one position.",
)
@recorded_options
def lanes(number: int | None, timeout_s: float, operator: Operator) -> None:
    """Show the lanes; with N, divide the users among N lanes. Safe while servers run.

    \b
    onrecord fanout lanes
    onrecord fanout lanes 4

    Nothing is lost, repeated or reordered: the lanes stop at one position, and the new ones start there. When a lane is
    paused, stopped or too far behind to get there before the timeout, nothing changes and the exit code is 1.
    """
    with existing_database(Settings.from_environment()) as settings:
        bring_up_to_date(settings)
        for line in asyncio.run(_change_and_describe(number, settings.database_url, timeout_s, operator)):
            click.echo(line)


async def _change_and_describe(number: int | None, dsn: str, timeout_s: float, operator: Operator) -> Sequence[str]:
    with unavailable_is_one_error():
        if number is not None:
            await change_lanes(number, dsn, operator=operator, timeout_s=timeout_s)
        connection = await asyncpg.connect(dsn)
        try:
            rows = await read_lanes(connection)
            head = await connection.fetchval(LAST_POSITION)
        finally:
            await connection.close()
    return [describe(row, head) for row in rows]


def describe(row: LaneRow, head: Position) -> str:
    """A lane on one line. Its last holder may have released it since."""
    behind = max(0, head - row.position)
    holder = row.holder or "no process"
    return f"{row.name}  position {row.position}  behind {behind}  last held by {holder}  {state(row)}"


def state(row: LaneRow) -> str:
    """What the lane does, or why it publishes nothing."""
    if row.failed_position is not None:
        return f"stopped at {row.failed_position}: {row.failed_reason}"
    if row.paused:
        return "paused"
    return "publishing" if row.stop_at is None else f"stopping at {row.stop_at}"


@fanout.command()
@operator_options
def pause(operator: Operator) -> None:
    """Publish nothing more until the fan-out is resumed. Commands are still recorded; nothing is lost.

    \b
    onrecord fanout pause --why "Centrifugo is being upgraded"
    """
    in_the_foreground(lambda reader: operator_commands.pause(operator, reader.reads.database), without_words=True)
    click.echo("the fan-out is paused")


@fanout.command()
@operator_options
def resume(operator: Operator) -> None:
    """Publish again. Lanes that stopped on an error retry the event that stopped them.

    \b
    onrecord fanout resume --why "the upgrade is done"
    """
    in_the_foreground(lambda reader: operator_commands.resume(operator, reader.reads.database), without_words=True)
    click.echo("the fan-out is resumed")


@fanout.command()
@click.argument("position", type=POSITION)
@operator_options
def skip(position: Position, operator: Operator) -> None:
    """Set aside the event at POSITION, which stopped a lane, and continue after it. Exit code 1 when no lane stopped
    there.

    \b
    onrecord projections status
    onrecord fanout skip 17 --why "larger than the server accepts"
    """
    if not in_the_foreground(
        lambda reader: operator_commands.skip(position, operator, reader.reads.database), without_words=True
    ):
        raise click.ClickException(f"no lane has stopped at position {position}")
    click.echo(f"the event at position {position} becomes a dead letter")


@fanout.command()
@click.option("--from", "first", required=True, type=POSITION, help="The first position.")
@click.option("--to", "last", required=True, type=POSITION, help="The last position.")
@click.option("--room", metavar="ROOM", help="Events of this room only, by id or name.")
@click.option("--user", metavar="USER", help="The channel of this user only, by id or name.")
@click.option("--publish", is_flag=True, help="Publish. Without it, only count.")
@click.option("--why", metavar="TEXT", help="The reason, for the record; required with --publish.")
@by_option
def replay(
    first: Position, last: Position, room: str | None, user: str | None, publish: bool, why: str | None, by: str
) -> None:
    """Publish events again: same bodies, same keys. Without --publish, only count what would be published.

    An event goes to warm users who were members then and still are; a leaver gets their own leave. Clients drop what
    they have by its version, and the server drops by its key what it had in the last five minutes. Publishes to the
    server that CENTRIFUGO_API_URL names, or to the embedded hub of the `onrecord serve` that uses the same DATA_DIR.

    \b
    onrecord fanout replay --from 1000 --to 1200
    onrecord fanout replay --from 1000 --to 1200 --user ada --publish --why "lost by the server's restart"
    """
    if publish and not why:
        raise click.UsageError("--publish needs --why")
    if last < first:
        raise click.UsageError("--to comes before --from")

    async def run(reader: Reader) -> Total:
        room_id = await reader.reads.time_travel.room_id(room) if room is not None else None
        user_id = await reader.user_id(user) if user is not None else None
        selection = Selection(first, last, room_id, user_id)
        if not publish:
            return await create_republisher(reader).dry_run(selection)
        named_room = room_of(room_id, await reader.room_names([room_id])) if room_id is not None else "any"
        named_user = user_of(user_id, await reader.names([user_id])) if user_id is not None else "any"
        subject = f"positions {first} to {last}, room {named_room}, user {named_user}"
        async with republishing(reader) as (republisher, publisher):
            async with reader.reads.database.connection() as connection:
                await Operator(by, why or "").record("replay", subject, connection)
            return await republisher.publish(selection, publisher)

    total = in_the_foreground(run)
    verb = "published" if publish else "would publish"
    click.echo(f"{verb} {total.events:,} events, {total.channels:,} publications channel by channel")


fanout.add_command(dead_letters)
