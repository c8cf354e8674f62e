"""`onrecord audit restart`: signs again, after a log that went back."""

import asyncpg
import click

from api import wiring
from api.core import Core
from audit.signing.anchor import AnchorUnavailable
from audit.signing.epoch_keys import read_epoch_keys
from audit.signing.key_ring import KeyRing
from audit.signing.notes import BadNote
from audit.signing.restart import NotStopped, begin, next_epoch
from audit.tree import store
from cli.support.changing import change
from cli.support.log_reader import Reader
from cli.support.operator_options import on_record_with, operator_options
from domain.use_cases.record import RestartAudit
from domain.values import OPERATOR
from postgres import locks
from projections.operator_actions import Operator
from projections.readmodels.custody.restarts import is_restart_recorded


@click.command()
@operator_options
@click.option("--key-lost", is_flag=True, help="The secret that signs is lost: sign with the AUDIT_KEY of now.")
def restart(operator: Operator, key_lost: bool) -> None:
    """Begin the tree of the log again, as its next epoch, where nothing is signed any more: after a backup was put in
    place, or a witness saw more than the log has. An event says so, and names the last checkpoint of before.

    Proofs of before still hold. Find out first what happened: `onrecord audit verify`. Auditors and witnesses need the
    key of the new epoch: `onrecord audit key`. A restart that was interrupted is completed by the next.

    \b
    onrecord audit restart --why "backup of Monday put in place after the fire"
    """

    async def run(core: Core, reader: Reader) -> None:
        anchor, ring = wiring.create_anchor(reader.settings), wiring.create_key_ring(reader.settings)
        try:
            async with core.database.connection() as connection, locks.AUDIT_TREE.held(connection):
                if key_lost:
                    await _refuse_key_at_hand(ring, connection)
                begun = await next_epoch(anchor, ring, connection, key_is_lost=key_lost)
                if not await is_restart_recorded(begun.number, begun.last_checkpoint, connection):
                    command = RestartAudit(OPERATOR, begun.number, begun.last_checkpoint, operator.why)
                    on_record = on_record_with(operator.without_why, "audit", lambda _: f"begin epoch {begun.number}")
                    await core.together(on_record).record.restart_audit(command)
                await begin(begun, connection)
        except (NotStopped, AnchorUnavailable, BadNote) as error:
            raise click.ClickException(f"{error}.") from None
        click.echo(begun.origin)

    change(run)


async def _refuse_key_at_hand(ring: KeyRing | None, connection: asyncpg.Connection) -> None:
    """Raises ClickException where the key that signs is not lost, and where there is no other."""
    if ring is None:
        raise click.ClickException("No key is at hand: set AUDIT_KEY for this command and for every process.")
    epoch = await store.read_epoch(connection)
    known = await read_epoch_keys(epoch.number, connection) if epoch is not None else []
    if known and ring.find(known[-1].log) is not None:
        raise click.ClickException("The key that signs is at hand. To change it: `onrecord audit rotate`.")
