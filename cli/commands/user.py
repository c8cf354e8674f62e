"""`onrecord user`: accounts."""

import asyncio
from typing import get_args

import click

from api.accounts.accounts import Role
from api.settings import Settings
from cli.support.environment import bring_up_to_date, chat_core, existing_database


@click.group()
def user() -> None:
    """Accounts."""


@user.command()
@click.argument("username")
@click.password_option(help="Asked for when not given.")
@click.option("--admin", "is_admin", is_flag=True, help="Give access to the operations page.")
def create(username: str, password: str, is_admin: bool) -> None:
    """Create an account and print its id.

    \b
    onrecord user create ada
    onrecord user create grace --admin
    """
    role: Role = "admin" if is_admin else "user"

    async def run(settings: Settings) -> int:
        async with chat_core(settings) as (_, accounts):
            return (await accounts.sign_up(username, password, role=role)).id

    with existing_database(Settings.from_environment()) as settings:
        bring_up_to_date(settings)
        click.echo(asyncio.run(run(settings)))


@user.command(name="role")
@click.argument("username")
@click.argument("role", type=click.Choice(get_args(Role)))
def role_(username: str, role: Role) -> None:
    """Make a user an admin, or an ordinary user again. Takes effect at once, in open sessions too.

    \b
    onrecord user role ada admin
    """

    async def run(settings: Settings) -> bool:
        async with chat_core(settings) as (_, accounts):
            return await accounts.set_role(username, role)

    with existing_database(Settings.from_environment()) as settings:
        bring_up_to_date(settings)
        if not asyncio.run(run(settings)):
            raise click.ClickException(f"there is no user {username}")
        click.echo(f"{username} is {'an admin' if role == 'admin' else 'a user'}")
