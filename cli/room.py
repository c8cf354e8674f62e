"""`onrecord room`: rooms."""

import asyncio

import click

from api.settings import Settings
from cli.environment import bring_up_to_date, chat_core, database
from domain.values import OpenRoom, UserId


@click.group()
def room() -> None:
    """Rooms."""


@room.command()
@click.argument("name")
@click.option("--owner", required=True, metavar="USERNAME", help="Who opens it, and is its first member.")
def create(name: str, owner: str) -> None:
    """Open a room and print its id.

    \b
    onrecord room create "Operations" --owner ada
    """

    async def run(settings: Settings) -> str:
        async with chat_core(settings) as (core, accounts):
            if (opener := await accounts.find(owner)) is None:
                raise click.ClickException(f"there is no user {owner}")
            opened = await core.chat.open_room(OpenRoom(name, UserId(opener.id)))
            return str(opened.event.originator_id)

    with database(Settings.from_environment()) as settings:
        bring_up_to_date(settings)
        click.echo(asyncio.run(run(settings)))
