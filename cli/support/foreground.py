"""Running what takes a while, with somebody waiting for it who may press Ctrl-C."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import click

from api.settings import Settings
from cli.support.environment import bring_up_to_date, database
from cli.support.log_reader import Reader, reader
from replay.archive.archive_reader import ArchiveRefused
from replay.rebuild.rebuild import RebuildRefused

T = TypeVar("T")


def in_the_foreground(work: Callable[[Reader], Awaitable[T]]) -> T:
    """Do `work` on a database with today's schema."""

    async def run(settings: Settings) -> T:
        async with reader(settings) as opened:
            return await work(opened)

    with database(Settings.from_environment()) as settings:
        bring_up_to_date(settings)
        try:
            return asyncio.run(run(settings))
        except (RebuildRefused, ArchiveRefused) as error:
            raise click.ClickException(str(error)) from None


@contextlib.contextmanager
def interruptible(consolation: str) -> Iterator[None]:
    """Ctrl-C is one clear line and exit code 1."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.ClickException(f"interrupted: {consolation}") from None
