"""`onrecord fanout`: the lanes that publish the log."""

import asyncio
from collections.abc import Sequence

import asyncpg
import click

from api.settings import Settings
from cli.support.environment import bring_up_to_date, database
from cli.support.foreground import in_the_foreground
from cli.support.log_reader import Reader
from cli.support.operator_options import by_option
from cli.support.publishing import republisher, republishing
from eventstore.log import LAST_POSITION
from postgres.database import unavailable_is_one_error
from projections.fanout.lane_table import LaneRow, read_lanes
from projections.fanout.republish import Selection, Total
from projections.fanout.resize import change_lanes
from projections.operator_actions import Operator

MOST_LANES = 1000
"""Each lane costs the process that holds it a connection and a look at the database twice a second."""


@click.group()
def fanout() -> None:
    """The fan-out: what publishes the log to the channels of members."""


@fanout.command()
@click.argument("number", metavar="[N]", type=click.IntRange(1, MOST_LANES), required=False)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    help="Seconds for the lanes to come together.",
)
def lanes(number: int | None, timeout_s: float) -> None:
    """Show the lanes; with N, divide the users among N lanes from now on. Safe while servers run.

    \b
    onrecord fanout lanes
    onrecord fanout lanes 4

    Nothing is lost, repeated or reordered: the lanes stop at one position and the new ones start there. Where that
    takes longer than the timeout, since a lane is far behind, paused or stopped by a failure, nothing changes and the
    exit code is 1.
    """
    with database(Settings.from_environment()) as settings:
        bring_up_to_date(settings)
        for line in asyncio.run(_lanes(number, settings.database_url, timeout_s)):
            click.echo(line)


async def _lanes(number: int | None, dsn: str, timeout_s: float) -> Sequence[str]:
    with unavailable_is_one_error():
        if number is not None:
            await change_lanes(number, dsn, timeout_s=timeout_s)
        connection = await asyncpg.connect(dsn)
        try:
            rows = await read_lanes(connection)
            head = await connection.fetchval(LAST_POSITION)
        finally:
            await connection.close()
    return [described(row, head) for row in rows]


def described(row: LaneRow, head: int) -> str:
    """A lane on one line. The holder is the last one: it may be gone, and nobody have taken the lane since."""
    behind = max(0, head - row.position)
    return f"{row.name}  position {row.position}  behind {behind}  last held by {row.holder or 'nobody'}  {state(row)}"


def state(row: LaneRow) -> str:
    """What the lane does, or why it does nothing."""
    if row.failed_position is not None:
        return f"stopped at {row.failed_position}: {row.failed_reason}"
    if row.paused:
        return "paused"
    return "publishing" if row.stop_at is None else f"stopping at {row.stop_at}"


@fanout.command()
@click.option("--from", "first", required=True, type=click.IntRange(min=1), help="The first position.")
@click.option("--to", "last", required=True, type=click.IntRange(min=1), help="The last position.")
@click.option("--room", metavar="ROOM", help="Events of this room only, by id or name.")
@click.option("--user", metavar="USER", help="The channel of this user only, by id or name.")
@click.option("--publish", is_flag=True, help="Do it. Without, only tell what would be done.")
@click.option("--why", metavar="TEXT", help="The reason, for the record; required with --publish.")
@by_option
def replay(first: int, last: int, room: str | None, user: str | None, publish: bool, why: str | None, by: str) -> None:
    """Publish again what was published: same bodies, same keys. Without --publish, only tell what that would be.

    Events go to those who were members then and are still, and to nobody who cannot be listening. Clients drop what
    they have by its version, and the server what it had in the last five minutes by its key. Goes to the server that
    CENTRIFUGO_API_URL names, or else to the embedded hub of the `onrecord serve` that uses the same DATA_DIR.

    \b
    onrecord fanout replay --from 1000 --to 1200
    onrecord fanout replay --from 1000 --to 1200 --user ada --publish --why "lost by the server's restart"
    """
    if publish and not why:
        raise click.UsageError("--publish needs --why")
    if last < first:
        raise click.UsageError("--to comes before --from")

    async def run(opened: Reader) -> Total:
        room_id = await opened.reads.time_travel.room_id(room) if room is not None else None
        user_id = await opened.user_id(user) if user is not None else None
        selection = Selection(first, last, room_id, user_id)
        if not publish:
            return await republisher(opened).dry_run(selection)
        subject = f"positions {first} to {last}, room {room_id or 'any'}, user {user_id or 'any'}"
        async with republishing(opened) as (again, publisher):
            async with opened.reads.database.connection() as connection:
                await Operator(by, why or "").record("replay", subject, connection)
            return await again.publish(selection, publisher)

    total = in_the_foreground(run)
    verb = "published" if publish else "would publish"
    click.echo(f"{verb} {total.events:,} events, {total.channels:,} publications channel by channel")
