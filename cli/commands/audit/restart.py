"""`onrecord audit restart`: signs again, after a log that went back."""

import click

from api import wiring
from api.core import Core
from audit.signing.anchor import AnchorUnavailable
from audit.signing.notes import BadNote
from audit.signing.restart import NotStopped, next_epoch
from audit.tree import store
from cli.support.changing import change
from cli.support.log_reader import Reader
from cli.support.operator_options import operator_options, put_on_record
from domain.use_cases.record import RestartAudit
from domain.values import OPERATOR
from projections.operator_actions import Operator


@click.command()
@operator_options
def restart(operator: Operator) -> None:
    """Begin the tree of the log again, as its next epoch, where nothing is signed any more: after a backup was put in
    place, or a witness saw more than the log has. An event says so, and names the last checkpoint of before.

    Proofs of before still hold. Find out first what happened: `onrecord audit verify`. Auditors and witnesses need the
    key of the new epoch: `onrecord audit key`.

    \b
    onrecord audit restart --why "backup of Monday put in place after the fire"
    """

    async def run(core: Core, reader: Reader) -> None:
        anchor = wiring.create_anchor(reader.settings)
        try:
            async with core.database.connection() as connection:
                begun = await next_epoch(anchor, connection)
                command = RestartAudit(OPERATOR, begun.number, begun.last_checkpoint, operator.why)
                await core.record.restart_audit(command)
                await store.begin_epoch(begun.number, begun.origin, connection)
        except (NotStopped, AnchorUnavailable, BadNote) as error:
            raise click.ClickException(f"{error}.") from None
        await put_on_record(operator.without_why, "audit", f"epoch {begun.number} begun", core.database)
        click.echo(begun.origin)

    change(run)
