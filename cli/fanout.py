"""`onrecord fanout`: the lanes that publish the log."""

import asyncio
from collections.abc import Sequence

import asyncpg
import click

from api.settings import Settings
from cli.environment import bring_up_to_date, database
from eventstore.database import unavailable_is_one_error
from eventstore.log import LAST_POSITION
from projections.lanes import LaneRow, read_lanes
from projections.layout import change_lanes

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
