"""`onrecord user`: accounts."""

import asyncio
from typing import get_args

import click

from api.accounts.accounts import Role
from api.settings import Settings
from cli.support.environment import bring_up_to_date, chat_core, existing_database
from cli.support.log_reader import Reader, read
from cli.support.numbers import limit_option
from cli.support.operator_options import recorded_options
from cli.support.output import moment, print_json, print_room_entry, say_what_is_left_out
from projections.operator_actions import Operator
from replay.investigate.directory import UserEntry, find_user, list_users, rooms_of


@click.group()
def user() -> None:
    """Accounts."""


@user.command()
@click.argument("username")
@click.password_option(help="Asked for when not given.")
@click.option("--admin", "is_admin", is_flag=True, help="Give access to the operations page.")
@recorded_options
def create(username: str, password: str, is_admin: bool, operator: Operator) -> None:
    """Create an account and print its id.

    \b
    onrecord user create ada
    onrecord user create grace --admin
    """
    role: Role = "admin" if is_admin else "user"

    async def run(settings: Settings) -> int:
        async with chat_core(settings) as (_, accounts):
            return (await accounts.sign_up(username, password, role=role, operator=operator)).id

    with existing_database(Settings.from_environment()) as settings:
        bring_up_to_date(settings)
        click.echo(asyncio.run(run(settings)))


@user.command(name="role")
@click.argument("username")
@click.argument("role", type=click.Choice(get_args(Role)))
@recorded_options
def role_(username: str, role: Role, operator: Operator) -> None:
    """Make a user an admin, or an ordinary user again. Takes effect at once, in open sessions too.

    \b
    onrecord user role ada admin
    """

    async def run(settings: Settings) -> bool:
        async with chat_core(settings) as (_, accounts):
            return await accounts.set_role(username, role, operator=operator)

    with existing_database(Settings.from_environment()) as settings:
        bring_up_to_date(settings)
        if not asyncio.run(run(settings)):
            raise click.ClickException(f"No such user: {username}.")
        click.echo(f"{username} is {'an admin' if role == 'admin' else 'a user'}")


@user.command(name="list")
@click.argument("text", required=False, default="")
@limit_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(text: str, limit: int, as_json: bool) -> None:
    """List accounts by id: name, role, rooms, open sessions. With TEXT: whose name contains it.

    \b
    onrecord user list
    onrecord user list ada --json
    """

    async def run(reader: Reader) -> None:
        found, total = await list_users(reader.reads.database, containing=text, limit=limit)
        for each in found:
            print_json(each) if as_json else click.echo(on_one_line(each))
        say_what_is_left_out(len(found), total)

    read(run)


@user.command()
@click.argument("user", metavar="USER")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(user: str, as_json: bool) -> None:
    """Show an account (USER by id or name) and the rooms that its user is in.

    \b
    onrecord user show ada
    """

    async def run(reader: Reader) -> None:
        user_id = await reader.user_id(user)
        found = await find_user(reader.reads.database, user_id)
        rooms = await rooms_of(reader.reads.database, user_id)
        if found is None and not rooms:
            raise click.ClickException(f"No such user: {user}.")
        if as_json:
            print_json({"user_id": user_id, "account": found, "rooms": rooms})
            return
        click.echo(on_one_line(found) if found is not None else f"user {user_id} has no account here")
        for room in rooms:
            print_room_entry(room)

    read(run)


def on_one_line(account: UserEntry) -> str:
    ended = "erased" if account.is_erased else "deactivated"  # as an erased account is, too
    told = (("demo", account.is_demo), ("bot", account.is_bot), (ended, account.is_deactivated or account.is_erased))
    marks = [mark for mark, is_set in told if is_set]
    role = ", ".join([account.role, *marks])
    return (
        f"{account.user_id:>8}  {account.username:<30}  {role:<6}  {account.rooms:>5,} rooms"
        f"  {account.sessions:>3,} sessions  since {moment(account.created_at)}"
    )
