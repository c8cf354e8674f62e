"""`onrecord audit key`: what others need to check proofs."""

import click

from cli.support.log_reader import Reader, read
from cli.support.signed_log import signed_epoch


@click.command()
def key() -> None:
    """Print a policy with the public keys of the log: what others need to check proofs. Give it to them yourself.

    It trusts checkpoints that the log signed and that say when.

    \b
    onrecord audit key > policy.txt
    """

    async def run(reader: Reader) -> None:
        _, keys = await signed_epoch(reader)
        click.echo(f"log {keys.log}\nwitness time {keys.time}\nquorum time")

    read(run)
