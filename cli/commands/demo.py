"""`onrecord demo`: demo users and rooms, and rooms of any size."""

import asyncio

import click

from api.accounts.accounts import Accounts
from api.core import Core
from api.settings import Settings, SettingsError
from cli.support.demo_data import seed
from cli.support.environment import bring_up_to_date, chat_core, database
from cli.support.numbers import COUNT
from cli.support.operator_options import put_on_record, recorded_options
from domain.room.opening import OpenRoom
from domain.values import RoomId, UserId
from projections.operator_actions import Operator

AT_ONCE = 5000
"""Members who join in one command."""


@click.command()
@click.option("--room-size", type=COUNT, metavar="N", help="Instead, make one room of N members.")
@click.option("--name", metavar="NAME", help="The name of that room; `Room of N` by default.")
@recorded_options
def demo(room_size: int | None, name: str | None, operator: Operator) -> None:
    """Seed demo users and rooms. Safe to repeat.

    With --room-size: make a room of the members member-1 … member-N (password: demo) and print its id. Members who
    exist are used as they are. With a DATABASE_URL, only if DEMO=yes.

    \b
    onrecord demo
    onrecord demo --room-size 100000 --name Stadium
    """
    if name is not None and room_size is None:
        raise click.UsageError("--name goes with --room-size")
    configured = Settings.from_environment()
    if not configured.seeds_demo:
        raise SettingsError("DEMO: demo accounts have a public password; to make them here, set DEMO=yes")
    with database(configured) as settings:
        bring_up_to_date(settings)
        if room_size is None:
            click.echo(f"demo logins: {asyncio.run(_seed(settings, operator))}")
        else:
            click.echo(asyncio.run(_make_room(settings, name or f"Room of {room_size}", room_size, operator)))


async def _seed(settings: Settings, operator: Operator) -> str:
    async with chat_core(settings) as (core, accounts):
        await put_on_record(operator, "seed", "demo accounts and rooms", core.database)
        return await seed(core.chat, accounts)


async def _make_room(settings: Settings, name: str, size: int, operator: Operator) -> RoomId:
    """A room of `size` members, opened by the first of them."""
    async with chat_core(settings) as (core, accounts):
        await put_on_record(operator, "seed", f"a demo room of {size}", core.database)
        members = await _members(accounts, size)
        opened = await core.chat.open_room(OpenRoom(name, members[0]))
        room_id = RoomId(opened.event.originator_id)
        await _join_all(core, room_id, members[1:])
        return room_id


async def _members(accounts: Accounts, size: int) -> list[UserId]:
    names = [f"member-{number}" for number in range(1, size + 1)]
    return [user.id for user in await accounts.create_demo(names)]


async def _join_all(core: Core, room_id: RoomId, members: list[UserId]) -> None:
    for start in range(0, len(members), AT_ONCE):
        await core.chat.join_all(room_id, members[start : start + AT_ONCE])
        click.echo(f"{min(start + AT_ONCE, len(members))} of {len(members)} have joined", err=True)
