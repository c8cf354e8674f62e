"""`onrecord room`: rooms."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import click

from api.core import Core
from api.settings import Settings
from cli.support.changing import change
from cli.support.environment import bring_up_to_date, chat_core, existing_database
from cli.support.erasure import erase, erasing_options
from cli.support.log_reader import Reader, VersionOrTime, read
from cli.support.numbers import POSITION, limit_option
from cli.support.operator_options import on_record_with, operator_options
from cli.support.output import (
    Users,
    moment,
    name_of,
    names_of,
    one_line,
    print_fields,
    print_json,
    print_room_entry,
    say_what_is_left_out,
    words_shown,
)
from domain.room import Room
from domain.room.naming import RenameRoom
from domain.room.opening import OpenRoom
from domain.use_cases.erasure import Plan
from domain.values import OPERATOR, UserId
from eventstore.values import Version
from projections.operator_actions import Operator
from projections.readmodels.discussion.said import RoomVersion, room_version
from projections.readmodels.shapes import ErasedContent, timestamp
from replay.investigate.directory import list_rooms
from replay.investigate.past_messages import PastMessage
from replay.investigate.time_travel import Moment, PastRoom, RoomDifference

Erasures = Mapping[RoomVersion, ErasedContent]


@click.group()
def room() -> None:
    """Rooms."""


@room.command()
@click.argument("name")
@click.option("--owner", required=True, metavar="USERNAME", help="The user who opens it, its first member.")
def create(name: str, owner: str) -> None:
    """Open a room and print its id.

    \b
    onrecord room create "Operations" --owner ada
    """

    async def run(settings: Settings) -> str:
        async with chat_core(settings) as (core, accounts):
            if (opener := await accounts.find(owner)) is None:
                raise click.ClickException(f"No such user: {owner}.")
            opened = await core.chat.open_room(OpenRoom(name, opener.id))
            return str(opened.event.originator_id)

    with existing_database(Settings.from_environment()) as settings:
        bring_up_to_date(settings)
        click.echo(asyncio.run(run(settings)))


@room.command(name="list")
@click.argument("text", required=False, default="")
@limit_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(text: str, limit: int, as_json: bool) -> None:
    """List rooms by name: id, name, members, messages, version, last activity. With TEXT: whose name contains it.

    \b
    onrecord room list
    onrecord room list engine --json
    """

    async def run(reader: Reader) -> None:
        found, total = await list_rooms(reader.reads.database, containing=text, limit=limit)
        for each in found:
            print_json(each) if as_json else print_room_entry(each)
        say_what_is_left_out(len(found), total)

    read(run)


@room.command()
@click.argument("room")
@click.option("--at", type=VersionOrTime(), help="A version of the room or a time (UTC unless it names a zone).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(room: str, at: Moment | None, as_json: bool) -> None:
    """Show ROOM (id or name) as it was, or as it is now, from its events alone.

    \b
    onrecord room show General --at 17
    onrecord room show General --at 2026-11-24T10:00:00Z
    """

    async def run(reader: Reader) -> None:
        then = await reader.reads.time_travel.room_at(await reader.reads.time_travel.room_id(room), at)
        erasures = await reader.reads.bodies.erasures([message.said for message in then.messages])
        if as_json:
            print_json(room_object(then, erasures))
        else:
            print_room(then, await reader.names(people(then)), erasures)

    read(run)


@room.command()
@click.argument("room")
@click.argument("earlier", type=VersionOrTime())
@click.argument("later", type=VersionOrTime())
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def diff(room: str, earlier: Moment, later: Moment, as_json: bool) -> None:
    """Show what changed in ROOM (id or name) between two versions or times.

    \b
    onrecord room diff General 4 17
    """

    async def run(reader: Reader) -> None:
        found = await reader.reads.time_travel.difference(await reader.reads.time_travel.room_id(room), earlier, later)
        erasures = await reader.reads.bodies.erasures([message.said for message in [*found.said, *found.edited]])
        if as_json:
            print_json(
                {
                    "room_id": found.later.room_id,
                    "from": found.earlier.version,
                    "to": found.later.version,
                    "name_before": found.earlier.name,
                    "name": found.later.name,
                    "topic_before": found.earlier.topic,
                    "topic": found.later.topic,
                    "was_archived": found.earlier.is_archived,
                    "is_archived": found.later.is_archived,
                    "roles_before": roles_object(found.earlier),
                    "roles": roles_object(found.later),
                    "joined": sorted(found.joined),
                    "left": sorted(found.left),
                    "said": [message_object(message, erasures) for message in found.said],
                    "edited": [message_object(message, erasures) for message in found.edited],
                    "retracted": [message.version for message in found.retracted],
                }
            )
            return
        changed, changed_roles = [*found.said, *found.edited, *found.retracted], roles_changed(found)
        people = {*found.joined, *found.left, *changed_roles, *(message.user_id for message in changed)}
        users = await reader.names(people)
        click.echo(f"{one_line(found.later.name)}: version {found.earlier.version} to {found.later.version}")
        if found.earlier.name != found.later.name:  # room_renamed, on balance
            click.echo(click.style(f"renamed from {one_line(found.earlier.name)}", fg="cyan"))
        if found.earlier.topic != found.later.topic:
            click.echo(click.style(f"topic: {one_line(found.later.topic) or 'none'}", fg="cyan"))
        if found.earlier.is_archived != found.later.is_archived:
            click.echo(click.style("archived" if found.later.is_archived else "reopened", fg="cyan"))
        for user_id, role in sorted(changed_roles.items()):
            click.echo(click.style(f"{name_of(user_id, users)} is {role}", fg="cyan"))
        for sign, colour, moved in (("+", "green", found.joined), ("-", "red", found.left)):
            for user_id in sorted(moved):
                click.echo(click.style(f"{sign} {name_of(user_id, users)}", fg=colour))
        for message in found.said:
            print_message(message, users, erasures)
        for message in found.edited:
            print_message(message, users, erasures, sign="~")
        for message in found.retracted:
            click.echo(click.style(f"retracted {message.version}", fg="red"))

    read(run)


@room.command()
@click.argument("room")
@click.argument("version", type=POSITION)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def visible(room: str, version: Version, as_json: bool) -> None:
    """Show who could see what VERSION added to ROOM (id or name), or what it edited a message to.

    \b
    onrecord room visible General 17
    """

    async def run(reader: Reader) -> None:
        found = await reader.reads.time_travel.visibility(await reader.reads.time_travel.room_id(room), version)
        if found is None:
            raise click.ClickException(f"version {version} added or edited no message")
        erasures = await reader.reads.bodies.erasures([found.message.said])
        if as_json:
            print_json(
                {
                    "message": message_object(found.message, erasures),
                    "members_then": sorted(found.members_then),
                    "joined_later": sorted(found.joined_later),
                }
            )
            return
        users = await reader.names({*found.members_then, *found.joined_later, found.message.user_id})
        print_message(found.message, users, erasures)
        print_fields(
            (
                ("members then", names_of(found.members_then, users)),
                ("joined later, and see it in the history", names_of(found.joined_later, users)),
            )
        )

    read(run)


@room.command()
@click.argument("room")
@click.argument("name")
@operator_options
def rename(room: str, name: str, operator: Operator) -> None:
    """Rename ROOM (id or name) to NAME: a room's name can only be erased when it has another one.

    Members rename rooms themselves. An operator can also while nothing is served, after a backup was restored.

    \b
    onrecord room rename "A telephone number" General --why "asked for in letter 17"
    """

    async def run(core: Core, _: Reader) -> None:
        room_id = await core.time_travel.room_id(room)
        on_record = on_record_with(operator, "rename room", lambda _: f"room {room_id}")
        await core.together(on_record).chat.rename_room(RenameRoom(room_id, OPERATOR, name))
        click.echo(room_id)

    change(run)


@room.command(name="erase")
@click.argument("room")
@click.option("--older-than", "days", required=True, type=click.IntRange(1, 36_500), metavar="DAYS", help="In days.")
@erasing_options
def erase_(room: str, days: int, operator: Operator, is_meant: bool, as_json: bool) -> None:
    """Erase the messages of ROOM (id or name) that are older than some days.

    Without --yes, the command says what would go and what would stay, and erases nothing.

    \b
    onrecord room erase General --older-than 365 --why "kept for a year" --yes
    """

    async def plan(core: Core) -> Plan:
        before = datetime.now(UTC) - timedelta(days=days)
        return await core.erasing.plan_room(await core.time_travel.room_id(room), before=before)

    erase(plan, "old messages", operator=operator, is_meant=is_meant, as_json=as_json)


def people(then: PastRoom) -> set[UserId]:
    return {*then.members, *(message.user_id for message in then.messages)}


def print_room(then: PastRoom, users: Users, erasures: Erasures) -> None:
    print_fields(
        (
            ("room", one_line(then.name)),
            ("id", then.room_id),
            ("version", f"{then.version}, {moment(then.at)}"),
            ("topic", one_line(then.topic) or "none"),
            ("state", "archived" if then.is_archived else "open"),
            *(
                (f"{role}s", names_of(having(then, role), users))
                for role in ("owner", "moderator")
                if having(then, role)
            ),
            ("members", f"{len(then.members)}: {names_of(then.members, users)}"),
            ("messages", len(then.messages)),
        )
    )
    for message in then.messages:
        print_message(message, users, erasures)


def roles_changed(found: RoomDifference) -> dict[UserId, str]:
    """The members with another role than before, or who came with one."""
    return {
        user_id: found.later.roles.get(user_id, "member")
        for user_id in found.later.roles.keys() | found.earlier.roles.keys()
        if user_id in found.later.members and found.later.roles.get(user_id) != found.earlier.roles.get(user_id)
    }


def having(then: PastRoom, role: str) -> set[UserId]:
    """The members with a role."""
    return {user_id for user_id, their in then.roles.items() if their == role}


def print_message(message: PastMessage, users: Users, erasures: Erasures, *, sign: str = "") -> None:
    said = words_shown(message.said.words.text, erasures.get(room_version(message.said)))
    if (retraction := message.retraction) is not None:
        why = f": {one_line(retraction.text)}" if retraction.text else ""
        said = click.style(f"(retracted {moment(retraction.timestamp)}{why})", dim=True)
    place = click.style(f"{message.version:>6}", dim=True)
    author = name_of(message.user_id, users)
    click.echo(f"{sign}{place}  {moment(message.added.timestamp)}  {author}: {said}{marks(message)}")


def marks(message: PastMessage) -> str:
    """What was done about a message, in a few characters."""
    reactions = [f"{emoji} {len(users)}" for emoji, users in message.reactions.items()]
    done = [
        *([f"answers {message.added.reply_to}"] if message.added.reply_to is not None else []),
        *(["edited"] if message.edited_at is not None else []),
        *(["pinned"] if message.is_pinned else []),
        *([" ".join(reactions)] if reactions and message.retraction is None else []),
    ]
    return click.style(f"  ({', '.join(done)})", dim=True) if done else ""


def room_object(then: PastRoom, erasures: Erasures) -> dict[str, object]:
    return {
        "room_id": then.room_id,
        "name": then.name,
        "version": then.version,
        "at": timestamp(then.at),
        "members": sorted(then.members),
        "roles": roles_object(then),
        "topic": then.topic,
        "is_archived": then.is_archived,
        "messages": [message_object(message, erasures) for message in then.messages],
    }


def roles_object(then: PastRoom) -> dict[str, str]:
    """Owners and moderators, by id."""
    return {str(user_id): then.roles[user_id] for user_id in sorted(then.roles)}


def message_object(message: PastMessage, erasures: Erasures) -> dict[str, object]:
    erased = erasures.get(room_version(message.said))
    retraction, edited_at, reply_to = message.retraction, message.edited_at, message.added.reply_to
    return {
        "version": message.version,
        "user_id": message.user_id,
        "content": message.said.words.text if retraction is None else "",
        "said_at": timestamp(message.added.timestamp),
        **({"reply_to": reply_to} if reply_to is not None else {}),
        **({"edited_at": timestamp(edited_at)} if edited_at is not None else {}),
        **({"retracted": retraction_object(retraction)} if retraction is not None else {}),
        **({"reactions": message.reactions} if message.reactions and retraction is None else {}),
        **({"pinned": True} if message.is_pinned else {}),
        **({"erased": erased} if erased is not None else {}),
    }


def retraction_object(retraction: Room.MessageRetracted) -> dict[str, object]:
    return {"at": timestamp(retraction.timestamp), "by": retraction.user_id, "why": retraction.text or ""}
