"""The log as it is signed: its epoch, and the keys, for commands that sign or say what others check."""

import time
from collections.abc import Collection
from dataclasses import dataclass

import asyncpg
import click

from api import wiring
from api.settings import Settings
from audit.heads import stating
from audit.heads.statement import HeadsFile
from audit.heads.stating import NotStated
from audit.signing.key_ring import KeyRing
from audit.signing.keys import SignerKeys
from audit.signing.notes import BadNote
from audit.signing.trusted_keys import Trusted
from audit.tree import store
from audit.tree.store import Epoch
from cli.support.log_reader import Reader
from domain.values import RoomId


@dataclass(frozen=True, slots=True)
class SignedLog:
    """An epoch, the secrets at hand, and the keys that are trusted."""

    epoch: Epoch
    ring: KeyRing
    trusted: Trusted

    @property
    def signer(self) -> SignerKeys:
        """The keys that sign now. Raises ClickException where their secret is not at hand."""
        key = self.trusted.keys[-1].log
        found = self.ring.find(key)
        if found is None:
            raise click.ClickException(f"The key that signs is not at hand: {key}.")
        return found


async def signed_log(settings: Settings, connection: asyncpg.Connection) -> SignedLog:
    """The newest epoch and its keys. Raises ClickException where nothing is signed, or with another key."""
    epoch, ring = await store.read_epoch(connection), wiring.create_key_ring(settings)
    if epoch is None or ring is None:
        raise click.ClickException("This log is not signed: no key is configured, or the service has not run yet.")
    trusted = await wiring.create_trusted_keys(ring).read(epoch, connection)
    assert trusted is not None, "there is a secret"
    if trusted.problems:
        raise click.ClickException(f"The key that signs is not at hand: {trusted.problems[-1]}.")
    return SignedLog(epoch, ring, trusted)


async def state_heads(reader: Reader, rooms: Collection[RoomId] = ()) -> HeadsFile:
    """The heads in the newest checkpoint, of all streams or of some rooms. Raises ClickException."""
    try:
        async with reader.reads.database.connection() as connection:
            log = await signed_log(reader.settings, connection)
            return await stating.state_heads(
                log.epoch, log.signer, log.trusted, connection, time=int(time.time()), only=rooms
            )
    except (NotStated, BadNote) as error:
        raise click.ClickException(f"{error}.") from None
