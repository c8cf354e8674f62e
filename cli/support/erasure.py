"""What the commands that erase share: the options, the dry run, the receipt."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import click

from api.core import Core
from api.erasure.receipts import Receipt, receipt_of
from api.erasure.together import erasing_with
from cli.support.changing import change
from cli.support.log_reader import Reader
from cli.support.operator_options import on_record_with, operator_options
from cli.support.output import print_json
from domain.room import check_reason
from domain.use_cases.erasure import Plan
from domain.values import OPERATOR
from projections.operator_actions import Operator

SHOWN = 20
"""Versions of a room that a line names."""


def erasing_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--why`, `--by`, `--yes` and `--json`; without `--yes` it only says what it would do."""

    @click.option("--yes", "is_meant", is_flag=True, help="Erase. Without it, nothing is erased.")
    @click.option("--json", "as_json", is_flag=True, help="The receipt, as one JSON object.")
    @operator_options
    @wraps(command)
    def with_options(**options: Any) -> None:
        command(**options)

    return with_options


def erase(
    plan_of: Callable[[Core], Awaitable[Plan]], subject: str, *, operator: Operator, is_meant: bool, as_json: bool
) -> None:
    """Plan an erasure, carry it out if it is meant, and print the receipt.

    The reason stands in the event only, where it can be erased; the operator action names the request.
    """
    check_reason(operator.why)

    async def run(core: Core, reader: Reader) -> Receipt:
        plan = await plan_of(core)
        if is_meant:
            on_record = on_record_with(operator.without_why, f"erase {subject}", lambda _: f"request {plan.request}")
            await erasing_with(core, on_record).carry_out(plan, erased_by=OPERATOR, why=operator.why)
            await core.ledger.catch_up()  # with what a command erased that was killed
        return receipt_of(plan, dry_run=not is_meant, backups_kept_days=reader.settings.backups_kept_days)

    with_receipt(run, as_json=as_json)


def with_receipt(run: Callable[[Core, Reader], Awaitable[Receipt]], *, as_json: bool) -> None:
    """Run an erasure and print its receipt."""

    async def printed(core: Core, reader: Reader) -> None:
        receipt = await run(core, reader)
        print_json(receipt) if as_json else print_receipt(receipt)

    change(printed)


def print_receipt(receipt: Receipt) -> None:
    """A receipt, for people."""
    verb = "would erase" if receipt.dry_run else "erased"
    for erased in receipt.erased:
        click.echo(f"{verb} in {erased.room_id}: version {in_words(erased.versions)}")
    for kept in receipt.kept:
        click.echo(f"keeps in {kept.room_id}: version {in_words(kept.versions)}: {kept.why}")
    if (account := receipt.account) is not None:
        removed = f"{account.sessions} sessions, {account.read_marks} read marks, {account.idempotency_keys} keys"
        name = "name, password, " if account.had_account else ""
        click.echo(f"{verb} of user {account.user_id}: {name}{removed}; shown as {account.shown_as}")
    is_nothing = not (receipt.erased or receipt.account)
    if not receipt.dry_run and not is_nothing:
        for stays in receipt.stays:
            click.echo(f"stays: {stays}")
        if receipt.backups_until is not None:
            click.echo(f"backups may hold it until {receipt.backups_until}")
    if is_nothing and not receipt.kept:
        click.echo("there is nothing to erase")
    elif is_nothing and receipt.dry_run:
        click.echo("nothing would be erased now")
    elif is_nothing:
        click.echo("nothing was erased: what holds and rules keep waits (`onrecord audit requests`)")
        click.echo(f"request {receipt.request}")
    elif receipt.dry_run:
        click.echo("nothing was erased: repeat the command with --yes")
    else:
        click.echo(f"request {receipt.request}")


def in_words(versions: list[int]) -> str:
    """Versions, or the first of them and how many more."""
    named = ", ".join(map(str, versions[:SHOWN]))
    return named if len(versions) <= SHOWN else f"{named} and {len(versions) - SHOWN:,} more"
