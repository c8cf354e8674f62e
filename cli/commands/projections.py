"""`onrecord projections`: status, verification and rebuilding of what is derived from the log."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import click

from api.wiring import create_fold, create_snapshots
from cli.support.log_reader import Reader, read
from cli.support.operator_options import put_on_record, recorded_options
from cli.support.output import CUSTODY, RoomNames, Users, print_fields, print_json, room_of, user_of
from cli.support.progress_bar import progress
from cli.support.scratch_database import scratch_database
from cli.support.servers.foreground import in_the_foreground, interruptible
from domain.custody import CUSTODY_ID
from domain.values import RoomId
from projections.operator_actions import Operator
from projections.readmodels.projection import RoomsProjection
from replay.investigate.projection_status import Status, watch_status
from replay.progress import Report
from replay.rebuild.rebuild import Rebuilt, rebuild
from replay.rebuild.repair import repair_room
from replay.rebuild.snapshot_check import examine_snapshots
from replay.rebuild.verify import Difference, Finding, Verified, verify, verify_standby

NAMES = click.Choice([RoomsProjection.name])
STATES = {
    "running": "green",
    "stopped": "red",
    "not held": "red",
    "paused": "yellow",
    "interrupted": "yellow",
    "rebuilding": "cyan",
}
VALUE_WIDTH = 60
SHOWN_ROWS = 20
"""Rows of each table that `verify` shows unless asked for all."""

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
room_option = click.option("--room", metavar="ROOM", help="The rows of this room only, by id or name.")


@dataclass(frozen=True, slots=True)
class Names:
    """The names that stand beside ids."""

    users: Users
    rooms: RoomNames

    def room(self, room_id: RoomId) -> str:
        return room_of(room_id, self.rooms)

    def stream(self, stream_id: RoomId) -> str:
        """A room, or the record of custody."""
        return CUSTODY if stream_id == CUSTODY_ID else f"room {self.room(stream_id)}"

    def value(self, column: str, value: Any) -> str:
        """A value of a key, which may be a room's or a user's id."""
        if column == "room_id":
            return self.room(value)
        return user_of(value, self.users) if column == "user_id" else str(value)


@click.group()
def projections() -> None:
    """What is derived from the log: its status, verification and rebuilding."""


@projections.command()
@click.option("--sample", default=1.0, type=click.FloatRange(0, 3600), help="Seconds over which rates are measured; 1.")
@as_json
def status(sample: float, as_json: bool) -> None:
    """Show each projection. Exit code 1 when one has stopped on an error, lags more than FANOUT_LAG_LIMIT_S, or is held
    by no process although some could hold it.

    \b
    onrecord projections status
    """

    async def run(reader: Reader) -> None:
        statuses = await watch_status(reader.reads.database, reader.reads.log, sample)
        for each in statuses:
            print_json(each) if as_json else print_status(each)
        if not all(each.is_healthy(reader.settings.fanout_lag_limit_s) for each in statuses):
            raise click.exceptions.Exit(1)

    read(run, without_words=True)


@projections.command(name="rebuild")
@click.argument("names", nargs=-1, type=NAMES, metavar="[NAME]…")
@room_option
@click.option("--restart", is_flag=True, help="Start from position 0, not from where an interrupted rebuild stopped.")
@recorded_options
def rebuild_(names: tuple[str, ...], room: str | None, restart: bool, operator: Operator) -> None:
    """Fold the log into fresh tables while the service runs, then swap them with the live ones.

    Reads and writes continue, nothing is published. Ctrl-C leaves the live tables as they are; the next rebuild
    continues from there. With --room: repair the rows of that room in place.

    \b
    onrecord projections rebuild
    onrecord projections rebuild --room General
    """
    if room is not None and restart:
        raise click.UsageError("--restart does not go with --room")
    if room is not None:
        repaired, known = in_the_foreground(lambda reader: _repair(reader, room, operator))
        for difference in repaired:
            print_difference(difference, known)
        click.echo(f"room {room} matches the log")
        return
    with interruptible("the live tables are as they were; run it again to continue"), progress("rebuild") as report:
        rebuilt = in_the_foreground(
            lambda reader: _rebuild(reader, report, operator, restart=restart), without_words=True
        )
    print_rebuilt(rebuilt)


@projections.command(name="verify")
@click.argument("names", nargs=-1, type=NAMES, metavar="[NAME]…")
@room_option
@click.option("--all", "shows_all", is_flag=True, help=f"Show every row that differs, not {SHOWN_ROWS} of each table.")
@as_json
def verify_(names: tuple[str, ...], room: str | None, shows_all: bool, as_json: bool) -> None:
    """Fold the log into temporary tables and compare them with the live ones; hold each event against the rules of
    rooms, and each snapshot against its events. Exit code 1 on any difference or finding.

    Two databases with the same events have the same digest.

    \b
    onrecord projections verify
    onrecord projections verify --room General
    """
    with interruptible("nothing was changed"), progress("verify") as report:
        verified, snapshots, findings, known = in_the_foreground(lambda reader: _verify(reader, report, room))
    differ = Counter(difference.table for difference in verified.differences)
    for difference in verified.differences if shows_all else first_of_each_table(verified.differences):
        print_json(difference) if as_json else print_difference(difference, known)
    for finding in findings:
        print_json(finding) if as_json else click.echo(f"log: {known.stream(finding.room_id)}: {finding.problem}")
    if as_json:
        print_json(
            {
                "position": verified.position,
                "rows": verified.rows,
                "digest": verified.digest,
                "differ": differ,
                "snapshots": snapshots,
                "findings": len(findings),
                "verdict": "differs" if differ or findings else "matches",
            }
        )
    else:
        print_verified(verified, snapshots, findings)
    if verified.differences or findings:
        raise click.exceptions.Exit(1)


async def _rebuild(reader: Reader, report: Report, operator: Operator, *, restart: bool) -> Rebuilt:
    await put_on_record(operator, "rebuild", RoomsProjection.name, reader.reads.database)
    rebuilt = await rebuild(create_fold(), reader.settings.database_url, report, restart=restart)
    subject = f"{RoomsProjection.name} at position {rebuilt.position:,}"
    await put_on_record(operator, "rebuilt", subject, reader.reads.database)
    return rebuilt


async def _repair(reader: Reader, room: str, operator: Operator) -> tuple[list[Difference], Names]:
    room_id = await reader.reads.time_travel.room_id(room)
    subject = f"room {room_of(room_id, await reader.room_names([room_id]))}"
    await put_on_record(operator, "repair", subject, reader.reads.database)
    repaired = await repair_room(create_fold(), reader.settings.database_url, room_id)
    return repaired, await _names(reader, repaired, [])


async def _names(reader: Reader, differences: list[Difference], findings: list[Finding]) -> Names:
    """The names of all rooms and users by whose ids rows and findings are known."""
    keys = [difference.key for difference in differences]
    room_ids = {*(finding.room_id for finding in findings), *(key["room_id"] for key in keys if "room_id" in key)}
    return Names(
        await reader.names(key["user_id"] for key in keys if "user_id" in key), await reader.room_names(room_ids)
    )


async def _verify(reader: Reader, report: Report, room: str | None) -> tuple[Verified, int, list[Finding], Names]:
    """What was compared, the number of snapshots, what is wrong with the log and with those, and the names in it."""
    room_id = await reader.reads.time_travel.room_id(room) if room is not None else None
    dsn = reader.settings.database_url
    if await reader.is_on_standby():
        async with scratch_database() as scratch:
            verified = await verify_standby(create_fold(), dsn, scratch, report, room_id=room_id)
    else:
        verified = await verify(create_fold(), dsn, report, room_id=room_id)
    async with reader.reads.database.connection() as connection:
        snapshots, wrong = await examine_snapshots(
            create_snapshots(reader.settings), reader.reads.log, connection, room_id=room_id
        )
    findings = [*verified.findings, *wrong]
    return verified, snapshots, findings, await _names(reader, verified.differences, findings)


def print_status(status: Status) -> None:
    state = click.style(status.state.ljust(11), fg=STATES.get(status.state))
    lag = f"{status.lag_events:,} events, {status.lag_s:.1f} s behind" if status.lag_events else "up to date"
    place = f"at {status.checkpoint:>10,} of {status.head:,}"
    parts = [f"{status.projection:<12} {status.lifecycle:<10} {state} {place}", lag]
    if status.events_per_s:
        parts.append(f"{status.events_per_s:,.0f} events/s")
    if status.holder:
        parts.append(f"held by {status.holder}")
    if status.reason:
        parts.append(status.reason)
    click.echo(", ".join(parts))


def print_rebuilt(rebuilt: Rebuilt) -> None:
    rate = rebuilt.events / rebuilt.seconds
    resumed = f", resumed at {rebuilt.resumed_at:,}" if rebuilt.resumed_at else ""
    click.echo(
        f"rebuilt at position {rebuilt.position:,}{resumed}: {rebuilt.events:,} events in {rebuilt.seconds:.1f} s"
        f" ({rate:,.0f} events/s); the swap took {rebuilt.pause_s * 1000:.0f} ms"
    )


def print_verified(verified: Verified, snapshots: int, findings: list[Finding]) -> None:
    differ = Counter(difference.table for difference in verified.differences)
    verdict = click.style("all rows match the log", fg="green")
    if verified.differences:
        verdict = click.style(f"rows that differ: {len(verified.differences):,}", fg="red")
    elif findings:
        verdict = click.style(f"all rows match the log; findings: {len(findings):,}", fg="red")
    print_fields(
        (
            ("position", f"{verified.position:,}"),
            *(
                (table, f"{rows:,} rows" + (f", {differ[table]:,} differ" if differ[table] else ""))
                for table, rows in verified.rows.items()
            ),
            ("snapshots", f"{snapshots:,} compared with their events"),
            ("digest", verified.digest),
            ("verdict", verdict),
        )
    )


def first_of_each_table(differences: Iterable[Difference]) -> Iterator[Difference]:
    """As many of each table as a person reads."""
    seen: Counter[str] = Counter()
    for difference in differences:
        seen[difference.table] += 1
        if seen[difference.table] <= SHOWN_ROWS:
            yield difference


def print_difference(difference: Difference, names: Names) -> None:
    key = ", ".join(f"{name} {names.value(name, value)}" for name, value in difference.key.items())
    click.echo(f"{difference.table}: {key}")
    for column in difference.columns:
        click.echo(f"  {column}: live {shown(difference.live, column)}, by the log {shown(difference.folded, column)}")


def shown(row: dict[str, Any] | None, column: str) -> str:
    if row is None:
        return "no row"
    text = ascii(row[column])
    return text if len(text) <= VALUE_WIDTH else f"{text[:VALUE_WIDTH]}…"
