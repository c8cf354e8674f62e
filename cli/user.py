"""`onrecord user`: accounts."""

import asyncio

import click

from api.settings import Settings
from cli.environment import bring_up_to_date, chat_core, database


@click.group()
def user() -> None:
    """Accounts."""


@user.command()
@click.argument("username")
@click.password_option(help="Asked for when not given.")
def create(username: str, password: str) -> None:
    """Create an account and print its id.

    \b
    onrecord user create ada
    """

    async def run(settings: Settings) -> int:
        async with chat_core(settings) as (_, accounts):
            return (await accounts.sign_up(username, password)).id

    with database(Settings.from_environment()) as settings:
        bring_up_to_date(settings)
        click.echo(asyncio.run(run(settings)))
