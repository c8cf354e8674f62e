"""`onrecord audit rotate`: has another key sign the log."""

import asyncpg
import click

from api import wiring
from api.audit.key import has_next_audit_secret, next_audit_secret
from api.core import Core
from api.settings import Settings
from audit.proofs.proving import proven_to
from audit.signing.key_change import state_change
from audit.signing.keys import SignerKeys
from audit.tree import store
from cli.support.changing import change
from cli.support.log_reader import Reader
from cli.support.operator_options import on_record_with, operator_options
from cli.support.signed_log import SignedLog, signed_log
from domain.use_cases.record import ChangeAuditKey
from domain.values import OPERATOR
from postgres import locks
from projections.operator_actions import Operator

ANOTHER = "To have yet another key sign, give a reason of its own."


@click.command()
@operator_options
def rotate(operator: Operator) -> None:
    """Have another key sign the log. An event names both keys and is signed with both. The present key signs one more
    tree, with this event in it; from then on the other signs alone, and trees that are signed with the present key are
    refused if they are larger.

    The next secret is AUDIT_NEXT_KEY: 64 hex digits, as from `openssl rand -hex 32`. Give it to every process first.
    Where the present one is in DATA_DIR, the next is DATA_DIR/audit_next_key, which is made if it is not there.

    Where the next secret would be made, the same --why again, after the change took effect, changes nothing.

    Give auditors and witnesses the new policy: `onrecord audit key --next` before, `onrecord audit key` afterwards.

    \b
    onrecord audit rotate --why "the machine that had the key was sold"
    """

    async def run(core: Core, reader: Reader) -> None:
        async with core.database.connection() as connection, locks.AUDIT_TREE.held(connection):
            log = await signed_log(reader.settings, connection)
            if log.epoch.stopped_why is not None:
                raise click.ClickException(f"Nothing is signed any more: {log.epoch.stopped_why}.")
            if await store.read_checkpoint(log.epoch.number, connection) is None:
                raise click.ClickException("Nothing has been signed yet: give the service another AUDIT_KEY.")
            before = log.signer
            log.ring.settle(before)
            await _refuse_second(log, before, connection)
            if await _is_done(log, operator, reader.settings, connection):
                click.echo(f"This is done: the key has signed since. {ANOTHER}", err=True)
                click.echo(str(before.log))
                return
            after = _next_keys(reader.settings, log)
            on_record = on_record_with(operator.without_why, "audit", lambda _: f"key {after.log.short}")
            statement = str(state_change(before, after))
            command = ChangeAuditKey(OPERATOR, log.epoch.number, statement, operator.why)
            await core.together(on_record).record.change_audit_key(command)
        click.echo(str(after.log))

    change(run)


async def _is_done(log: SignedLog, operator: Operator, settings: Settings, connection: asyncpg.Connection) -> bool:
    """Whether this repeats the last change, which has taken effect. A next secret that is at hand is another change."""
    if len(log.trusted.keys) == 1 or has_next_audit_secret(settings):
        return False
    return await wiring.create_key_changes().last_reason(connection) == operator.why


async def _refuse_second(log: SignedLog, before: SignerKeys, connection: asyncpg.Connection) -> None:
    """One change at a time. Raises ClickException while one waits for its checkpoint."""
    for change_on_record in await wiring.create_key_changes().read(connection, beyond=await proven_to(connection)):
        follows = change_on_record.after(before.log)
        if follows is not None:
            raise click.ClickException(f"The change to {follows.log.short} is on record: it waits for a checkpoint.")


def _next_keys(settings: Settings, log: SignedLog) -> SignerKeys:
    """Raises ClickException where there are none, or where they have signed before."""
    secret = next_audit_secret(settings)
    if secret is None:
        raise click.ClickException("There is no next key: set AUDIT_NEXT_KEY for this command and for every process.")
    keys = SignerKeys(log.epoch.origin, secret)
    if keys.log in {each.log for each in log.trusted.keys}:
        raise click.ClickException("The next key has signed already: make it AUDIT_KEY, and name another next.")
    return keys
