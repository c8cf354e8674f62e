"""`onrecord events`: search, follow, count, export and import the log."""

import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import click

from cli.commands.export_import import export_, import_
from cli.support.log_reader import Reader, Time, read
from cli.support.numbers import COUNT, POSITION, POSITION_OR_START
from cli.support.output import (
    RoomNames,
    Users,
    escaped,
    event_object,
    name_of,
    print_event,
    print_fields,
    print_json,
    words_shown,
)
from domain.values import RoomId
from eventstore.values import Position
from projections.readmodels.inline import LOG_TOPICS
from projections.readmodels.shapes import ErasedContent
from projections.search.query import parse
from replay.investigate.follow import follow
from replay.investigate.log_search import Filter, FoundEvent
from replay.investigate.stats import Stats, read_stats

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.group()
def events() -> None:
    """The log: every event of every room and of the record of custody, in order."""


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """Options as typed. Names of rooms and users are looked up when there is a connection."""

    room: str | None
    user: str | None
    type: tuple[str, ...]
    after: Position
    to: Position | None
    since: datetime | None
    until: datetime | None

    async def filter(self, reader: Reader) -> Filter:
        return Filter(
            room_id=await reader.reads.time_travel.room_id(self.room) if self.room is not None else None,
            user_id=await reader.user_id(self.user) if self.user is not None else None,
            types=self.type or LOG_TOPICS,
            after=self.after,
            to=self.to,
            since=self.since,
            until=self.until,
        )


def filtering(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that choose events; it gets them as `chosen`."""

    @functools.wraps(command)
    def with_filter_options(**arguments: Any) -> None:
        chosen = FilterOptions(**{name: arguments.pop(name) for name in FilterOptions.__dataclass_fields__})
        command(chosen=chosen, **arguments)

    for option in reversed(
        (
            click.option("--room", metavar="ROOM", help="Events of this room, by id or name."),
            click.option("--user", metavar="USER", help="What this user did, by name or id."),
            click.option("--type", multiple=True, type=click.Choice(LOG_TOPICS), help="Of this type; may be repeated."),
            click.option("--after", default=0, type=POSITION_OR_START, metavar="POSITION", help="After this position."),
            click.option("--to", type=POSITION, metavar="POSITION", help="Up to this position."),
            click.option("--since", type=Time(), help="From this time on (UTC unless it names a zone)."),
            click.option("--until", type=Time(), help="Before this time."),
        )
    ):
        with_filter_options = option(with_filter_options)
    return with_filter_options


@events.command(name="list")
@filtering
@click.option("--limit", type=COUNT, metavar="N", help="At most N.")
@as_json
def list_(chosen: FilterOptions, limit: int | None, as_json: bool) -> None:
    """List events in the order of the log.

    \b
    onrecord events list --room General --type message_added --since 2026-11-24
    onrecord events list --user ada --after 1000 --to 2000 --json
    """

    async def run(reader: Reader) -> None:
        await show(reader.reads.log_search.find(await chosen.filter(reader)), reader, limit=limit, as_json=as_json)

    read(run)


@events.command()
@click.argument("query")
@filtering
@click.option("--limit", type=COUNT, metavar="N", help="At most N.")
@as_json
def search(query: str, chosen: FilterOptions, limit: int | None, as_json: bool) -> None:
    """List events whose words match QUERY: every version of messages, names, topics and reasons. QUERY is what members
    type to search: words, "a phrase", eng*, from:, in:, before:, after:, has:link, has:file. Exit code 1 when there is
    none.

    \b
    onrecord events search 'moth* from:ada after:2026-11-01' --room Bugs
    """
    wanted = parse(query)

    async def run(reader: Reader) -> None:
        found = reader.reads.word_search.find(wanted, await chosen.filter(reader))
        if not await show(found, reader, limit=limit, as_json=as_json):
            raise click.exceptions.Exit(1)

    read(run)


@events.command()
@filtering
@click.option("-n", "count", default=10, type=click.IntRange(0, COUNT.max), help="How many events; 10 by default.")
@click.option("-f", "--follow", "follows", is_flag=True, help="Then print new events as they come, until Ctrl-C.")
@as_json
def tail(chosen: FilterOptions, count: int, follows: bool, as_json: bool) -> None:
    """Show the newest events.

    \b
    onrecord events tail -f --room General
    """

    async def run(reader: Reader) -> None:
        matching = await chosen.filter(reader)
        head = await reader.reads.log_search.head()
        newest = await reader.reads.log_search.newest(replace(matching, to=min(head, matching.to or head)), count)
        for recorded in newest:
            await show_one(recorded, reader, as_json=as_json)
        if follows:
            dsn = reader.settings.database_url if not await reader.is_on_standby() else None
            new = follow(reader.reads.log_search, replace(matching, after=head), dsn)
            await show(new, reader, as_json=as_json)

    with contextlib.suppress(KeyboardInterrupt):
        read(run)


@events.command(name="show")
@click.argument("position", type=POSITION)
@as_json
def show_one_event(position: Position, as_json: bool) -> None:
    """Show every field of the event at POSITION. Exit code 1 when there is none.

    \b
    onrecord events show 17
    """

    async def run(reader: Reader) -> None:
        recorded = await reader.reads.log_search.at(position)
        if recorded is None:
            raise click.ClickException(f"there is no event at position {position}")
        erased = await reader.erased(recorded.event)
        if as_json:
            print_event(recorded, {}, {}, erased, as_json=True)
        else:
            rooms = await reader.room_names([RoomId(recorded.event.originator_id)])
            print_whole(recorded, await reader.names([recorded.event.actor]), rooms, erased)

    read(run)


@events.command()
@as_json
def stats(as_json: bool) -> None:
    """Show the size of the log: events by type and day, rooms, streams, bytes on disk, events appended a second.

    \b
    onrecord events stats
    """

    async def run(reader: Reader) -> None:
        counted = await read_stats(reader.reads.database)
        if as_json:
            print_json(counted)
        else:
            print_stats(counted)

    read(run)


async def show(events: AsyncIterator[FoundEvent], reader: Reader, *, limit: int | None = None, as_json: bool) -> int:
    """Print events as they come; returns how many."""
    shown = 0
    async for recorded in events:
        await show_one(recorded, reader, as_json=as_json)
        shown += 1
        if shown == limit:
            click.echo(f"stopped at --limit {limit}; --after {recorded.position} continues", err=True)
            break
    return shown


async def show_one(recorded: FoundEvent, reader: Reader, *, as_json: bool) -> None:
    erased = await reader.erased(recorded.event)
    if as_json:
        print_event(recorded, {}, {}, erased, as_json=True)
        return
    room_id = RoomId(recorded.event.originator_id)
    if recorded.event.WORDS == "name":  # the room has another name from here on
        reader.forget_name(room_id)
    users, rooms = await reader.names([recorded.event.actor]), await reader.room_names([room_id])
    print_event(recorded, users, rooms, erased, as_json=False)


def print_whole(recorded: FoundEvent, users: Users, rooms: RoomNames, erased: ErasedContent | None) -> None:
    shown = event_object(recorded)
    if erased is not None:
        shown["erased"] = words_shown("", erased)
    room = rooms.get(RoomId(recorded.event.originator_id), "")
    print_fields(
        (name, escaped(value) if isinstance(value, str) else value)
        for name, value in {**shown, "room": room, "user": name_of(recorded.event.actor, users)}.items()
    )


def print_stats(stats: Stats) -> None:
    print_fields(
        (
            ("position", stats.position),
            ("events", f"{stats.events:,}"),
            ("rooms", f"{stats.rooms:,}"),
            ("on disk", f"{stats.bytes / 2**20:,.1f} MiB"),
            ("last minute", f"{stats.events_per_second.last_minute:.1f} events/s"),
            ("last hour", f"{stats.events_per_second.last_hour:.1f} events/s"),
            ("streams", f"{stats.streams.count:,}"),
            (
                "events in one",
                f"{stats.streams.shortest:,} to {stats.streams.longest:,}, median {stats.streams.median:,}",
            ),
            *((name, f"{count:,}") for name, count in (*stats.by_type.items(), *stats.by_day.items())),
        )
    )


events.add_command(export_)
events.add_command(import_)
