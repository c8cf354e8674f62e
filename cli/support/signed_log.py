"""The log as it is signed: its epoch, and the keys, for commands that sign or say what others check."""

import time
from collections.abc import Collection

import click

from api import wiring
from audit.heads import stating
from audit.heads.statement import HeadsFile
from audit.heads.stating import NotStated
from audit.signing.keys import SignerKeys
from audit.signing.notes import BadNote
from audit.tree import store
from audit.tree.store import Epoch
from cli.support.log_reader import Reader
from domain.values import RoomId


async def signed_epoch(reader: Reader) -> tuple[Epoch, SignerKeys]:
    """The newest epoch and its keys. Raises ClickException where nothing is signed."""
    async with reader.reads.database.connection() as connection:
        epoch = await store.read_epoch(connection)
    keys = wiring.create_signer_keys(reader.settings)
    if epoch is None or keys is None:
        raise click.ClickException("This log is not signed: no key is configured, or the service has not run yet.")
    return epoch, keys(epoch.origin)


async def state_heads(reader: Reader, rooms: Collection[RoomId] = ()) -> HeadsFile:
    """The heads in the newest checkpoint, of all streams or of some rooms. Raises ClickException."""
    epoch, keys = await signed_epoch(reader)
    try:
        async with reader.reads.database.connection() as connection:
            return await stating.state_heads(epoch, keys, connection, time=int(time.time()), only=rooms)
    except (NotStated, BadNote) as error:
        raise click.ClickException(f"{error}.") from None
