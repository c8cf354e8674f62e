"""What commands that read the log share: a connection to it, and the types of their options."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
import click

from api import wiring
from api.accounts.accounts import NAMED
from api.core import Reads
from api.erasure.withholding import refuse_returned
from api.settings import Settings
from cli.support.environment import bring_up_to_date, existing_database
from cli.support.numbers import POSITION, POSITION_OR_START
from domain.custody import Custody
from domain.names import username_keys
from domain.values import RoomId, UserId
from projections.readmodels.inline import LogEvent
from projections.readmodels.shapes import ErasedContent, User
from replay.investigate.directory import room_names

USER = f"SELECT user_id FROM users {NAMED}"


@dataclass(frozen=True, slots=True)
class Reader:
    """What a command reads with."""

    settings: Settings
    reads: Reads
    _names: dict[UserId, User] = field(default_factory=dict)
    _room_names: dict[RoomId, str] = field(default_factory=dict)

    async def names(self, user_ids: Iterable[UserId]) -> dict[UserId, User]:
        """Users by id, these and perhaps others. Each is looked up once."""
        if unknown := set(user_ids) - self._names.keys():
            self._names.update(await self.reads.bodies.users(unknown))
        return self._names

    async def room_names(self, room_ids: Iterable[RoomId]) -> dict[RoomId, str]:
        """Rooms' names now by id, of these and perhaps others. Each is looked up once, unless `forget_name`."""
        if unknown := set(room_ids) - self._room_names.keys():
            self._room_names.update(await room_names(self.reads.database, unknown))
        return self._room_names

    def forget_name(self, room_id: RoomId) -> None:
        """A room has another name: look it up again."""
        self._room_names.pop(room_id, None)

    async def erased(self, event: LogEvent) -> ErasedContent | None:
        """When and why the words of an event were erased; None if they were not."""
        if isinstance(event, Custody.Event):
            return None
        return next(iter((await self.reads.bodies.erasures([event])).values()), None)

    async def is_on_standby(self) -> bool:
        """Whether the database only answers reads: temporary tables and LISTEN are missing there too."""
        return bool(await self.reads.database.fetchval("SELECT pg_is_in_recovery()"))

    async def user_id(self, user: str) -> UserId:
        """The id of a user given by id or by name."""
        if user.isdecimal():
            return UserId(POSITION(user))
        user_id = await self.reads.database.fetchval(USER, username_keys(user))
        if user_id is None:
            raise click.ClickException(f"No such user: {user}.")
        return UserId(user_id)


@contextlib.asynccontextmanager
async def open_reader(settings: Settings, *, without_words: bool = False) -> AsyncIterator[Reader]:
    """A reader of the log; nothing is written. Raises StoreUnavailable; ContentWithheld where a backup brought words
    back that were erased, unless the command shows none: `without_words`.
    """

    async def refuse(connection: asyncpg.Connection) -> None:
        await refuse_returned(list(wiring.create_ledger(settings).read()), connection)

    async with wiring.open_reads(wiring.patient(settings), None if without_words else refuse) as reads:
        yield Reader(settings, reads)


def read(command: Callable[[Reader], Awaitable[None]], *, without_words: bool = False) -> None:
    """Run a command that reads. Only the embedded database is brought up to date first: reading changes no other.

    `without_words`: it shows nothing that people typed.
    """

    async def run(settings: Settings) -> None:
        async with open_reader(settings, without_words=without_words) as reader:
            await command(reader)

    configured = Settings.from_environment()
    with existing_database(configured) as settings:
        if configured.embedded:
            bring_up_to_date(settings)
        asyncio.run(run(settings))


class Time(click.ParamType[datetime]):
    """A time: 2026-11-24, 2026-11-24T10:00, with or without a zone (then UTC)."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time; write 2026-11-24 or 2026-11-24T10:00:00Z", param, ctx)
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


class VersionOrTime(click.ParamType[int | datetime]):
    """A version of a room (digits only), or a time."""

    name = "version|time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | datetime:
        if str(value).isdecimal():
            return POSITION_OR_START.convert(value, param, ctx)
        return Time().convert(value, param, ctx)
