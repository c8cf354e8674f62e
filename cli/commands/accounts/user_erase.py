"""`onrecord user erase`: an account, and everything that its user said."""

from datetime import UTC, datetime

import click

from api.core import Core
from api.erasure.account_erasure import erase_account, is_given, look_at_account
from api.erasure.receipts import Receipt, receipt_of
from api.succession import name_successors
from cli.commands.accounts.user_access import disconnect
from cli.support.erasure import erasing_options, with_receipt
from cli.support.log_reader import Reader
from domain.room import check_reason
from domain.values import OPERATOR
from projections.operator_actions import Operator


@click.command()
@click.argument("user")
@erasing_options
def erase(user: str, operator: Operator, is_meant: bool, as_json: bool) -> None:
    """Erase USER (name or id): the account, and the words of all messages and former room names of theirs.

    Sessions and connections end. Name, password, read marks and idempotency keys go. The number stays, is shown as
    "erased user 7", and is never given to another account. Without --yes, the command says what would go, and erases
    nothing. After an interruption, give the id to erase the rest.

    \b
    onrecord user erase mallory --why "asked for in letter 17"
    onrecord user erase 7 --why "asked for in letter 17" --yes --json > receipt.json
    """
    check_reason(operator.why)

    async def run(core: Core, reader: Reader) -> Receipt:
        user_id = await reader.user_id(user)
        plan = await core.erasing.plan_user(user_id)
        async with core.database.transaction() as connection:
            account = await look_at_account(connection, user_id)
            if not (plan.erased or plan.kept or await is_given(connection, user_id)):
                raise click.ClickException(f"No such user: {user}.")
            if is_meant:
                await erase_account(connection, user_id, request=str(plan.request), who=operator.who)
        if is_meant:
            await core.ledger.user_erased(user_id, datetime.now(UTC))
            await name_successors(user_id, core, why="The account of the last owner was erased.")
            await core.erasing.carry_out(plan, erased_by=OPERATOR, why=operator.why)
            await disconnect(reader.settings, user_id)
        days = reader.settings.backups_kept_days
        return receipt_of(plan, dry_run=not is_meant, backups_kept_days=days, account=account)

    with_receipt(run, as_json=as_json)
