"""`onrecord demo`: something to look at."""

import asyncio

import click

from api.settings import Settings
from cli.demo_data import PASSWORD, PEOPLE, seed
from cli.environment import bring_up_to_date, chat_core, database


@click.command()
def demo() -> None:
    """Seed demo users and rooms. Safe to repeat.

    \b
    onrecord demo
    """

    async def run(settings: Settings) -> None:
        async with chat_core(settings) as (core, accounts):
            await seed(core.chat, accounts)

    with database(Settings.from_environment()) as settings:
        bring_up_to_date(settings)
        asyncio.run(run(settings))
    click.echo(f"demo logins: {', '.join(PEOPLE)} (password: {PASSWORD})")
