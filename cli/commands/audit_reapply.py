"""`onrecord audit reapply`: erase again what a restored backup brought back."""

from collections import defaultdict

import click

from api.accounts.account_erasure import erase_account, returned_users
from api.core import Core
from api.receipts import Receipt, receipt_of
from api.settings import Settings
from cli.support.erasure import erasing_options, with_receipt
from domain.room import check_reason
from domain.values import OPERATOR, RoomId
from projections.operator_actions import Operator


@click.command()
@erasing_options
def reapply(operator: Operator, is_meant: bool, as_json: bool) -> None:
    """Erase again what the ledger says was erased and the database holds, as after a backup was restored.

    A service that starts on such a database serves nothing until then. Without --yes, the command says what would go.

    \b
    onrecord audit reapply --why "the backup of Monday was restored" --yes
    """
    check_reason(operator.why)

    async def run(core: Core, settings: Settings) -> Receipt:
        users = await returned_users(await core.ledger.erased_users(), core.database)
        places: defaultdict[RoomId, list[int]] = defaultdict(list)
        for line in await core.ledger.returned():
            places[RoomId(line.room)].append(line.version)
        plan = await core.erasing.plan_places(places)
        if is_meant:
            async with core.database.transaction() as connection:
                await Operator(operator.who, "").record("erase again", f"request {plan.request}", connection)
                for user_id in users:
                    await erase_account(connection, user_id, request=str(plan.request), who=operator.who)
            await core.erasing.carry_out(plan, erased_by=OPERATOR, why=operator.why)
        if users:
            verb = "erased" if is_meant else "would erase"
            click.echo(f"{verb} the accounts of users {', '.join(map(str, users))}", err=True)
        return receipt_of(plan, dry_run=not is_meant, backups_kept_days=settings.backups_kept_days)

    with_receipt(run, as_json=as_json)
