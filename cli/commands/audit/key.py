"""`onrecord audit key`: what others need to check proofs."""

import click

from api import wiring
from audit.tree import store
from cli.support.log_reader import Reader, read


@click.command()
def key() -> None:
    """Print a policy with the public keys of the log: what others need to check proofs. Give it to them yourself.

    It trusts checkpoints that the log signed and that say when.

    \b
    onrecord audit key > policy.txt
    """

    async def run(reader: Reader) -> None:
        async with reader.reads.database.connection() as connection:
            epoch = await store.read_epoch(connection)
        keys = wiring.create_signer_keys(reader.settings)
        if epoch is None or keys is None:
            raise click.ClickException("This log is not signed: no key is configured, or the service has not run yet.")
        signing = keys(epoch.origin)
        click.echo(f"log {signing.log}\nwitness time {signing.time}\nquorum time")

    read(run)
