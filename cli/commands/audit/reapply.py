"""`onrecord audit reapply`: erase again what a restored backup brought back."""

from collections import defaultdict
from uuid import uuid4

import click

from api.core import Core
from api.erasure.account_erasure import erase_account, returned_users
from api.erasure.receipts import Receipt, receipt_of
from cli.support.erasure import erasing_options, with_receipt
from cli.support.log_reader import Reader
from cli.support.operator_options import put_on_record
from domain.custody import Target
from domain.room import ERASED_LIMIT, check_reason
from domain.use_cases.erasure import Plan
from domain.values import OPERATOR, RequestId, RoomId
from projections.operator_actions import Operator


@click.command()
@erasing_options
def reapply(operator: Operator, is_meant: bool, as_json: bool) -> None:
    """Erase again what the ledger says was erased and the database holds, as after a backup was restored.

    The service, and commands that show words, withhold them until then. Without --yes, the command says what would go.
    It goes on with the rest where something is kept: a hold covers it, or it is the name that a room has (rename it).

    \b
    onrecord audit reapply --why "the backup of Monday was restored" --yes
    """
    check_reason(operator.why)

    async def run(core: Core, reader: Reader) -> Receipt:
        async with core.database.connection() as connection:
            users = await returned_users(await core.ledger.erased_users(), connection)
        places: defaultdict[RoomId, list[int]] = defaultdict(list)
        for line in await core.ledger.returned():
            places[RoomId(line.room)].append(line.version)
        plans = [
            await core.erasing.plan_versions(room_id, versions[start : start + ERASED_LIMIT])
            for room_id, versions in places.items()
            for start in range(0, len(versions), ERASED_LIMIT)
        ]
        everything = together(plans)
        if is_meant:
            request = f"request {everything.request}"
            await put_on_record(operator.without_why, "erase again", request, core.database)
            for user_id in users:  # while the account is there, a repeat of a command that was killed tells it again
                await core.erasing.tell_user_erased(user_id, erased_by=OPERATOR)
            async with core.database.transaction() as connection:
                for user_id in users:
                    await erase_account(connection, user_id, request=str(everything.request), who=operator.who)
            for plan in plans:
                await core.erasing.carry_out(plan, erased_by=OPERATOR, why=operator.why)
            if left := len(await core.ledger.returned()):
                click.echo(f"content is still withheld, texts that are kept: {left:,}", err=True)
        if users:
            verb = "erased" if is_meant else "would erase"
            click.echo(f"{verb} the accounts of users {', '.join(map(str, users))}", err=True)
        return receipt_of(everything, dry_run=not is_meant, backups_kept_days=reader.settings.backups_kept_days)

    with_receipt(run, as_json=as_json)


def together(plans: list[Plan]) -> Plan:
    """All that several requests erase and keep, for one receipt; it names the first of them."""
    everything = Plan(plans[0].request if plans else RequestId(uuid4()), Target())
    for plan in plans:
        for room_id, versions in plan.erased.items():
            everything.erased[room_id] += versions
        everything.kept += plan.kept
    return everything
