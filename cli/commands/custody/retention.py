"""`onrecord retention`: rules that say how long messages are kept, and when they are erased."""

import click

from api.core import Core
from cli.support.changing import change
from cli.support.log_reader import Reader, read
from cli.support.operator_options import on_record_with, operator_options
from cli.support.output import Users, moment, name_of, one_line, print_json, room_of
from domain.custody import MOST_DAYS, NEVER
from domain.use_cases.record import EndRetention, SetRetention
from domain.values import OPERATOR, RoomId
from projections.operator_actions import Operator
from projections.readmodels.custody.queries import Rule, read_rules

DAYS = click.IntRange(0, MOST_DAYS)
room_option = click.option("--room", metavar="ROOM", help="For this room, by id or name; otherwise for all rooms.")


@click.group()
def retention() -> None:
    """Rules: keep messages at least some days, erase them by themselves after some days."""


@retention.command(name="set")
@room_option
@click.option("--keep", "keep_days", type=DAYS, metavar="DAYS", help="Keep at least so long. 0: no duty to keep.")
@click.option("--erase-after", "erase_days", type=DAYS, metavar="DAYS", help="Erase when so old. 0: never by itself.")
@click.option("--end", "ends", is_flag=True, help="End the rule instead.")
@operator_options
def set_(room: str | None, keep_days: int | None, erase_days: int | None, ends: bool, operator: Operator) -> None:
    """Set the rule of a room, or of all rooms, in the place of the one before; print its number.

    What the rule of a room does not say is as the rule for all rooms says. The service erases by itself, in slices.
    A hold beats a duty to keep, and a duty beats erasure.

    \b
    onrecord retention set --keep 2190 --why "six years, by law"
    onrecord retention set --room Random --keep 0 --erase-after 30 --why "small talk"
    onrecord retention set --room Random --end --why "as all rooms"
    """
    if ends and (keep_days, erase_days) != (None, None):
        raise click.UsageError("--end goes with neither --keep nor --erase-after")

    async def run(core: Core, _: Reader) -> None:
        room_id = await core.time_travel.room_id(room) if room is not None else None
        where = f"room {room_id}" if room_id is not None else "all rooms"
        on_record = on_record_with(
            operator.without_why,
            "retention",
            lambda event: f"rule of {where} ended" if ends else f"rule {event.originator_version} of {where} set",
        )
        record = core.together(on_record).record
        if ends:
            await record.end_retention(EndRetention(OPERATOR, room_id, operator.why))
            click.echo(f"the rule of {where} has ended")
            return
        recorded = await record.set_retention(SetRetention(OPERATOR, room_id, keep_days, erase_days, operator.why))
        click.echo(recorded.event.originator_version)

    change(run)


@retention.command()
@click.option("--all", "with_ended", is_flag=True, help="Those that have ended, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def show(with_ended: bool, as_json: bool) -> None:
    """Show the rules: number, room, days, by whom and when they were set, and why.

    \b
    onrecord retention show
    """

    async def run(reader: Reader) -> None:
        async with reader.reads.database.connection() as connection:
            rules = await read_rules(connection, with_ended=with_ended)
        if as_json:
            for each in rules:
                print_json(each)
            return
        users = await reader.names(each.set_by for each in rules)
        rooms = await reader.room_names(each.room_id for each in rules if each.room_id is not None)
        for each in rules:
            print_rule(each, users, rooms)

    read(run)


def print_rule(each: Rule, users: Users, rooms: dict[RoomId, str]) -> None:
    where = room_of(each.room_id, rooms) if each.room_id is not None else "all rooms"
    ended = f"  ended {moment(each.ended_at)}" if each.ended_at is not None else ""
    click.echo(
        f"{each.rule:>6}  {where}  {in_words(each)}"
        f"  set {moment(each.set_at)} by {name_of(each.set_by, users)}: {one_line(each.why)}{ended}"
    )


def in_words(rule: Rule) -> str:
    """What a rule says."""
    keep = {None: None, NEVER: "no duty to keep"}.get(rule.keep_days, f"keep {rule.keep_days} days")
    erase = {None: None, NEVER: "never erased by itself"}.get(rule.erase_days, f"erase after {rule.erase_days} days")
    return ", ".join(part for part in (keep, erase) if part is not None)
