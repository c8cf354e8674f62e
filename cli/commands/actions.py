"""`onrecord actions`: the record of what operators did."""

import click

from cli.support.log_reader import Reader, read
from cli.support.output import moment, print_json
from projections.operator_actions import read_actions


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def actions(as_json: bool) -> None:
    """List what operators did: who, when and why. Oldest first.

    \b
    onrecord actions
    """

    async def run(reader: Reader) -> None:
        async with reader.reads.database.connection() as connection:
            recorded = await read_actions(connection)
        for action in recorded:
            if as_json:
                print_json(action)
            else:
                why = f": {action.why}" if action.why else ""
                click.echo(f"{moment(action.taken_at)}  {action.who:<12} {action.action:<8} {action.subject}{why}")

    read(run)
