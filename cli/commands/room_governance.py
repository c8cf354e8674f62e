"""`onrecord room …`: what an operator decides in a room, as where no owner can act."""

from collections.abc import Callable

import click

from api.core import Core
from cli.support.changing import change
from cli.support.log_reader import Reader
from cli.support.operator_options import on_record_with, operator_options
from domain.room.governance.archiving import ArchiveRoom, ReopenRoom
from domain.room.governance.moderation import (
    LONGEST_MINUTES,
    BanUser,
    LiftBan,
    LiftMute,
    MuteMember,
    RemoveMember,
)
from domain.room.governance.roles import ROOM_ROLES, GiveRole
from domain.room.governance.topic import SetTopic
from domain.room.state import RoomRole
from domain.use_cases.governing import RoomDecision
from domain.values import OPERATOR, RoomId, UserId
from projections.operator_actions import Operator

room_argument = click.argument("room")
user_argument = click.argument("user", metavar="USER")
for_option = click.option(
    "--minutes", type=click.IntRange(1, LONGEST_MINUTES), default=60, show_default=True, help="For how long."
)


@click.command(name="role")
@room_argument
@user_argument
@click.argument("role", type=click.Choice(ROOM_ROLES))
@operator_options
def role_(room: str, user: str, role: RoomRole, operator: Operator) -> None:
    """Give USER (id or name), a member of ROOM (id or name), a role there.

    \b
    onrecord room role General bob owner --why "the owner left the company"
    """
    _decide(
        room,
        user,
        operator,
        f"role {role}",
        lambda to, whom: GiveRole(to, OPERATOR, whom, role, operator.why),
    )


@click.command()
@room_argument
@user_argument
@operator_options
def remove(room: str, user: str, operator: Operator) -> None:
    """Remove USER (id or name) from ROOM (id or name). Of the last owner, another member takes over.

    \b
    onrecord room remove General mallory --why "spam"
    """
    _decide(
        room,
        user,
        operator,
        "removed",
        lambda to, whom: RemoveMember(to, OPERATOR, whom, operator.why),
    )


@click.command()
@room_argument
@user_argument
@for_option
@operator_options
def ban(room: str, user: str, minutes: int, operator: Operator) -> None:
    """Keep USER (id or name) out of ROOM (id or name) for a time. A member is removed.

    \b
    onrecord room ban General mallory --minutes 1440 --why "spam"
    """
    _decide(
        room,
        user,
        operator,
        f"banned for {minutes} minutes",
        lambda to, whom: BanUser(to, OPERATOR, whom, minutes, operator.why),
    )


@click.command()
@room_argument
@user_argument
@operator_options
def unban(room: str, user: str, operator: Operator) -> None:
    """Let USER (id or name) join ROOM (id or name) again.

    \b
    onrecord room unban General mallory --why "apologised"
    """
    _decide(
        room,
        user,
        operator,
        "ban lifted",
        lambda to, whom: LiftBan(to, OPERATOR, whom, operator.why),
    )


@click.command()
@room_argument
@user_argument
@for_option
@operator_options
def mute(room: str, user: str, minutes: int, operator: Operator) -> None:
    """Let USER (id or name) say nothing in ROOM (id or name) for a time.

    \b
    onrecord room mute General mallory --minutes 30 --why "shouting"
    """
    _decide(
        room,
        user,
        operator,
        f"muted for {minutes} minutes",
        lambda to, whom: MuteMember(to, OPERATOR, whom, minutes, operator.why),
    )


@click.command()
@room_argument
@user_argument
@operator_options
def unmute(room: str, user: str, operator: Operator) -> None:
    """Let USER (id or name) speak in ROOM (id or name) again.

    \b
    onrecord room unmute General mallory --why "apologised"
    """
    _decide(
        room,
        user,
        operator,
        "mute lifted",
        lambda to, whom: LiftMute(to, OPERATOR, whom, operator.why),
    )


@click.command()
@room_argument
@click.argument("text", default="")
@operator_options
def topic(room: str, text: str, operator: Operator) -> None:
    """Say what ROOM (id or name) is about; without TEXT, nothing in particular. The reason is on record only here.

    \b
    onrecord room topic General "Steam engines" --why "asked by the owner"
    """
    _change_room(room, operator, "topic set", lambda to: SetTopic(to, OPERATOR, text))


@click.command()
@room_argument
@operator_options
def archive(room: str, operator: Operator) -> None:
    """Archive ROOM (id or name): it can be read, and nothing is said in it.

    \b
    onrecord room archive General --why "the project ended"
    """
    _change_room(room, operator, "archived", lambda to: ArchiveRoom(to, OPERATOR))


@click.command()
@room_argument
@operator_options
def reopen(room: str, operator: Operator) -> None:
    """Reopen ROOM (id or name), which was archived.

    \b
    onrecord room reopen General --why "the project goes on"
    """
    _change_room(room, operator, "reopened", lambda to: ReopenRoom(to, OPERATOR))


def _decide(
    room: str, user: str, operator: Operator, what: str, decision: Callable[[RoomId, UserId], RoomDecision]
) -> None:
    """A decision about a person. Its reason is in the event, whose words can be erased."""

    async def run(core: Core, reader: Reader) -> None:
        room_id, user_id = await core.time_travel.room_id(room), await reader.user_id(user)
        subject = f"room {room_id}, user {user_id}: {what}"
        on_record = on_record_with(operator.without_why, "room", lambda _: subject)
        await core.together(on_record).governing.decide(decision(room_id, user_id))
        click.echo(f"user {user_id}: {what}")

    change(run)


def _change_room(room: str, operator: Operator, what: str, decision: Callable[[RoomId], RoomDecision]) -> None:
    """A decision about the room."""

    async def run(core: Core, _: object) -> None:
        room_id = await core.time_travel.room_id(room)
        on_record = on_record_with(operator, "room", lambda _: f"room {room_id}: {what}")
        await core.together(on_record).governing.decide(decision(room_id))
        click.echo(f"room {room_id}: {what}")

    change(run)


COMMANDS = (role_, remove, ban, unban, mute, unmute, topic, archive, reopen)
