"""What commands share that record events: the core, and ways to look things up."""

import asyncio
from collections.abc import Awaitable, Callable

from api.core import Core
from api.settings import Settings
from cli.support.environment import bring_up_to_date, chat_core, existing_database
from cli.support.log_reader import Reader


def change(command: Callable[[Core, Reader], Awaitable[None]]) -> None:
    """Run a command that records events, on a database that is brought up to date first."""

    async def run(settings: Settings) -> None:
        async with chat_core(settings) as (core, _):
            await command(core, Reader(settings, core))

    with existing_database(Settings.from_environment()) as settings:
        bring_up_to_date(settings)
        asyncio.run(run(settings))
