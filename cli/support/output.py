"""What commands print: aligned and coloured for people, one JSON object a line for programs."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

import click
import msgspec
from eventsourcing.domain import Aggregate

from domain.custody import CUSTODY_ID, Custody
from domain.values import OPERATOR, RoomId, UserId
from domain.words import Erased
from eventstore.log import Recorded
from projections.readmodels.inline import LOG_TOPICS, LogEvent
from projections.readmodels.shapes import ErasedContent, User, timestamp, user
from replay.investigate.directory import RoomEntry

COLOURS = dict(zip(LOG_TOPICS, cycle(("cyan", "green", "yellow", "white", "magenta", "blue")), strict=False))
TYPE_WIDTH = max(map(len, LOG_TOPICS))
OF_EVERY_EVENT = {field.name for field in fields(Aggregate.Created)}
"""The fields that the library gives to events."""

CUSTODY = "custody record"
"""What stands in the place of a room's name."""

ONLY_FILES = "(files)"
"""What stands in the place of the words of a message without any."""

SHOWN = 80
"""Characters of a message on a line for people."""

NAME_WIDTH = 16
"""Of a room's name in a list whose lines hold much else."""

Users = Mapping[UserId, User]
RoomNames = Mapping[RoomId, str]


def print_json(value: Any) -> None:
    """One line."""
    click.echo(msgspec.json.encode(value).decode())


def say_what_is_left_out(shown: int, total: int) -> None:
    """One line of standard error when a limit cut a list."""
    if shown < total:
        click.echo(f"{shown:,} of {total:,}; --limit 0 shows all", err=True)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Names and values, aligned."""
    rows = list(fields)
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        click.echo(f"{click.style(name.ljust(width), dim=True)}  {value}")


def print_room_entry(room: RoomEntry) -> None:
    """A room, on one line."""
    click.echo(
        f"{room.room_id}  {one_line(room.name):<30}  {room.members:>7,} members  {room.messages:>9,} messages"
        f"  version {room.version:,}  {moment(room.bumped_at)}"
    )


def print_event(
    recorded: Recorded[LogEvent], users: Users, rooms: RoomNames, erased: ErasedContent | None, *, as_json: bool
) -> None:
    """One event, on one line; `erased` says when and why its words were, if they were."""
    if as_json:
        print_json(event_object(recorded, erased))
        return
    event = recorded.event
    place = click.style(f"{recorded.position:>10}", dim=True)
    room = in_columns(RoomId(event.originator_id), {**rooms, RoomId(CUSTODY_ID): CUSTODY})
    topic = click.style(event.TOPIC.ljust(TYPE_WIDTH), fg=COLOURS[event.TOPIC])
    click.echo(
        f"{place}  {moment(event.timestamp)}  {room} {event.originator_version:>6}  {topic}"
        f"  {name_of(event.actor, users)}{said(event, erased)}"
    )


def event_object(recorded: Recorded[LogEvent], erased: ErasedContent | None = None) -> dict[str, Any]:
    """An event with all its fields, as JSON has it; and when and why its words were erased, if they were.

    One of the record of custody may have a field `room_id`.
    """
    event = recorded.event
    its_own = [field.name for field in fields(event) if field.name not in OF_EVERY_EVENT]
    return {
        "position": recorded.position,
        "stream_id" if isinstance(event, Custody.Event) else "room_id": event.originator_id,
        "version": event.originator_version,
        "type": event.TOPIC,
        "occurred_at": timestamp(event.timestamp),
        **{name: getattr(event, name) for name in its_own},
        **({event.WORDS: ""} if event.WORDS is not None and isinstance(event.words, Erased) else {}),
        **({"erased": erased} if erased is not None else {}),
    }


def said(event: LogEvent, erased: ErasedContent | None = None) -> str:
    """The words of an event, as an end of its line."""
    return f": {words_shown(event.text, erased)}" if event.text is not None else ""


def words_shown(text: str, erased: ErasedContent | None) -> str:
    """The beginning of a text, or when and why it was erased; what stands for that of a message of files alone."""
    if erased is None:
        return one_line(text) if text else ONLY_FILES
    at = f"erased {moment(datetime.fromisoformat(erased.at))}" if erased.at is not None else "erased"
    return click.style(f"({at}: {one_line(erased.why)})", dim=True)


def one_line(text: str, shown: int = SHOWN) -> str:
    """The beginning of a text, on one line and without what a terminal would take for a command."""
    line = "".join(character if character.isprintable() else " " for character in text[: shown + 1])
    return line if len(line) <= shown else f"{line[:shown]}…"


def escaped(text: str) -> str:
    """A whole text, without what a terminal would take for a command."""
    return "".join(character if character.isprintable() or character == "\n" else "\ufffd" for character in text)


def moment(at: datetime) -> str:
    """A time in UTC, to the millisecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def in_columns(room_id: RoomId, rooms: RoomNames) -> str:
    """A room by id, with the beginning of its name."""
    return f"{room_id}  {one_line(rooms.get(room_id, ''), NAME_WIDTH):<{NAME_WIDTH + 1}}"


def room_of(room_id: RoomId, rooms: RoomNames) -> str:
    """A room by id, with its name if it has one."""
    return f"{room_id} ({one_line(rooms[room_id])})" if room_id in rooms else str(room_id)


def user_of(user_id: UserId, users: Users) -> str:
    """A user by id, with their name."""
    return f"{user_id} ({name_of(user_id, users)})"


def name_of(user_id: UserId, users: Users) -> str:
    """A user by name, or by number where this installation has no such account."""
    if user_id == OPERATOR:
        return "operator"
    return (users[user_id] if user_id in users else user(user_id, None)).username


def names_of(user_ids: Iterable[UserId], users: Users) -> str:
    """Users by name, in a stable order."""
    return ", ".join(name_of(user_id, users) for user_id in sorted(user_ids)) or "nobody"
