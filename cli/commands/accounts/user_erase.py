"""`onrecord user erase`: an account, and everything that its user said."""

import click

from api.core import Core
from api.erasure.account_erasure import is_given, look_at_account
from api.erasure.receipts import Receipt, receipt_of
from api.erasure.together import erase_user, nothing
from cli.commands.accounts.user_access import disconnect
from cli.support.erasure import erasing_options, with_receipt
from cli.support.log_reader import Reader
from domain.room import check_reason
from domain.values import OPERATOR
from projections.operator_actions import Operator

ERASED = "If the account was erased already, give its number: the name is gone."


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
        try:
            user_id = await reader.user_id(user)
        except click.ClickException as error:
            raise click.ClickException(f"{error.message} {ERASED}") from None
        plan = await core.erasing.plan_user(user_id)
        async with core.database.transaction() as connection:
            account = await look_at_account(connection, user_id)
            if not (plan.erased or plan.kept or await is_given(connection, user_id)):
                raise click.ClickException(f"No such user: {user}.")
        if is_meant:
            await erase_user(plan, core, erased_by=OPERATOR, who=operator.who, why=operator.why, disconnect=nothing)
            await core.ledger.catch_up()  # with what a command erased that was killed
            await disconnect(reader.settings, user_id)
        days = reader.settings.backups_kept_days
        return receipt_of(plan, dry_run=not is_meant, backups_kept_days=days, account=account)

    with_receipt(run, as_json=as_json)
