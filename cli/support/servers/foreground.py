"""Commands that take a while: they run in the foreground and Ctrl-C interrupts them."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import click

from api.settings import Settings
from cli.support.environment import bring_up_to_date, existing_database
from cli.support.log_reader import Reader, open_reader
from replay.archive.archive_reader import ArchiveRefused
from replay.rebuild.rebuild import RebuildRefused

T = TypeVar("T")


def in_the_foreground(work: Callable[[Reader], Awaitable[T]], *, without_words: bool = False) -> T:
    """Do `work` on a database with today's schema, and return what it returns.

    `without_words`: it shows nothing that people typed.
    """

    async def run(settings: Settings) -> T:
        async with open_reader(settings, without_words=without_words) as reader:
            return await work(reader)

    with existing_database(Settings.from_environment()) as settings:
        bring_up_to_date(settings)
        try:
            return asyncio.run(run(settings))
        except (RebuildRefused, ArchiveRefused) as error:
            raise click.ClickException(str(error)) from None


@contextlib.contextmanager
def interruptible(advice: str) -> Iterator[None]:
    """Ctrl-C prints one line, with advice on what to do, and exits with 1."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.ClickException(f"interrupted: {advice}") from None
