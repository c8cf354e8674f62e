"""`onrecord message`: single messages."""

import click

from api.core import Core
from cli.support.erasure import erase, erasing_options
from cli.support.numbers import POSITION
from domain.use_cases.erasure import Plan
from projections.operator_actions import Operator


@click.group()
def message() -> None:
    """Messages."""


@message.command(name="erase")
@click.argument("room")
@click.argument("versions", type=POSITION, nargs=-1, required=True, metavar="VERSION...")
@erasing_options
def erase_(room: str, versions: tuple[int, ...], operator: Operator, is_meant: bool, as_json: bool) -> None:
    """Erase the words of these versions of ROOM (id or name): messages, and former names of the room.

    The words are gone for good. That they were said stays on record: by whom, when, and that they were erased, when and
    why. Without --yes, the command says what would go and what would stay, and erases nothing.

    \b
    onrecord message erase General 17 18 --why "a telephone number" --yes
    """

    async def plan(core: Core) -> Plan:
        return await core.erasing.plan_versions(await core.time_travel.room_id(room), versions)

    erase(plan, "versions", operator=operator, is_meant=is_meant, as_json=as_json)
