"""`onrecord hold`: legal holds, which forbid to erase words."""

from datetime import datetime

import click

from api.core import Core
from cli.support.changing import change
from cli.support.log_reader import Reader, Time, read
from cli.support.numbers import POSITION
from cli.support.operator_options import on_record_with, operator_options
from cli.support.output import Users, moment, name_of, one_line, print_json, room_of
from domain.custody import Scope
from domain.use_cases.record import EndHold, PlaceHold
from domain.values import OPERATOR, RoomId
from projections.operator_actions import Operator
from projections.readmodels.custody.queries import Hold, read_holds


@click.group()
def hold() -> None:
    """Legal holds: no command and no rule erases what they cover, until they end."""


@hold.command()
@click.option("--case", required=True, metavar="NAME", help="The name of the case.")
@click.option("--user", metavar="USER", help="What this person typed, in every room; by name or id.")
@click.option("--conversations", is_flag=True, help="With --user: all that the person could read, too.")
@click.option("--room", metavar="ROOM", help="What was typed in this room; by id or name.")
@click.option("--since", type=Time(), help="What was typed from this time on (UTC unless it names a zone).")
@click.option("--until", type=Time(), help="What was typed before this time.")
@operator_options
def place(
    case: str,
    user: str | None,
    conversations: bool,
    room: str | None,
    since: datetime | None,
    until: datetime | None,
    operator: Operator,
) -> None:
    """Place a hold and print its number. With several conditions it covers what meets all of them.

    \b
    onrecord hold place --case "Ada v Bob" --user bob --why "letter of 3 May"
    onrecord hold place --case "Audit" --room General --since 2026-01-01 --until 2027-01-01 --why "asked for"

    The numbers of people stay when their accounts are erased, and name them here.
    """

    async def run(core: Core, reader: Reader) -> None:
        scope = Scope(
            person_id=await reader.user_id(user) if user is not None else None,
            room_id=await core.time_travel.room_id(room) if room is not None else None,
            since=since,
            until=until,
            conversations=conversations,
        )
        on_record = on_record_with(
            operator.without_why, "hold", lambda event: f"hold {event.originator_version} placed"
        )
        placed = await core.together(on_record).record.place_hold(PlaceHold(OPERATOR, scope, case, operator.why))
        click.echo(placed.event.originator_version)

    change(run)


@hold.command(name="list")
@click.option("--all", "with_ended", is_flag=True, help="Those that have ended, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(with_ended: bool, as_json: bool) -> None:
    """List holds: number, case, what they cover, by whom and when they were placed and ended, and why.

    \b
    onrecord hold list
    """

    async def run(reader: Reader) -> None:
        async with reader.reads.database.connection() as connection:
            holds = await read_holds(connection, with_ended=with_ended)
        if as_json:
            for each in holds:
                print_json(each)
            return
        named = [user_id for each in holds for user_id in (each.placed_by, each.person_id) if user_id is not None]
        users = await reader.names(named)
        rooms = await reader.room_names(each.room_id for each in holds if each.room_id is not None)
        for each in holds:
            print_hold(each, users, rooms)

    read(run)


@hold.command()
@click.argument("number", metavar="HOLD", type=POSITION)
@operator_options
def end(number: int, operator: Operator) -> None:
    """End a hold. What waited for it is erased by the service, unless another hold or a duty keeps it.

    \b
    onrecord hold end 2 --why "settled"
    """

    async def run(core: Core, _: Reader) -> None:
        on_record = on_record_with(operator.without_why, "hold", lambda _: f"hold {number} ended")
        await core.together(on_record).record.end_hold(EndHold(OPERATOR, number, operator.why))
        click.echo(f"hold {number} has ended")

    change(run)


def print_hold(each: Hold, users: Users, rooms: dict[RoomId, str]) -> None:
    ended = f"  ended {moment(each.ended_at)}: {one_line(each.ended_why)}" if each.ended_at is not None else ""
    click.echo(
        f"{each.hold:>6}  {one_line(each.case)}  {covers(each, users, rooms)}"
        f"  placed {moment(each.placed_at)} by {name_of(each.placed_by, users)}: {one_line(each.why)}{ended}"
    )


def covers(each: Hold, users: Users, rooms: dict[RoomId, str]) -> str:
    """What a hold covers, in words."""
    parts = ["words"]
    if each.person_id is not None:
        person = f"{name_of(each.person_id, users)} ({each.person_id})"
        parts.append(f"that {person} typed{' or could read' if each.conversations else ''}")
    if each.room_id is not None:
        parts.append(f"in {room_of(each.room_id, rooms)}")
    if each.since is not None:
        parts.append(f"since {moment(each.since)}")
    if each.until is not None:
        parts.append(f"before {moment(each.until)}")
    return " ".join(parts)
