"""Begins the next epoch: a new tree over the log as it is now, after a log that went back, or a key that was lost."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from audit.signing.anchor import AnchorFile
from audit.signing.checkpoint import Checkpoint
from audit.signing.epoch_keys import EpochKey, add_key, read_epoch_keys
from audit.signing.key_ring import KeyRing
from audit.signing.notes import parse_note
from audit.tree import store


class NotStopped(Exception):
    """The tree is signed as ever: there is nothing to begin again."""


@dataclass(frozen=True, slots=True)
class NextEpoch:
    """What comes: the number and the name of the epoch; and the last checkpoint of the one before, as it was signed.

    `keys`: those that sign it; None where nothing was signed before.
    """

    number: int
    origin: str
    last_checkpoint: str
    keys: EpochKey | None


async def next_epoch(
    anchor: AnchorFile, ring: KeyRing | None, connection: asyncpg.Connection, *, key_is_lost: bool = False
) -> NextEpoch:
    """What the next epoch will be: with the keys that signed last, or with the first of `ring` where these are lost.

    Raises NotStopped, AnchorUnavailable, BadNote.

    A database from before the present epoch began is as one that stopped: the anchor knows an epoch that it does not.
    """
    epoch = await store.read_epoch(connection)
    if epoch is None:
        raise NotStopped("the log has no tree yet: the service begins it")
    anchored = await asyncio.to_thread(anchor.newest)
    is_signed = epoch.stopped_why is None and (anchored is None or anchored.epoch <= epoch.number)
    if is_signed and not key_is_lost:
        raise NotStopped(f"the tree of {epoch.origin} is signed as ever: there is nothing to begin again")
    published = await store.read_checkpoint(epoch.number, connection)
    last = anchored.note if anchored is not None else published.note if published is not None else ""
    number = max(epoch.number, anchored.epoch if anchored is not None else 0) + 1
    name, _, _ = epoch.origin.rpartition("/")
    origin = f"{name}/{number}"
    own = [EpochKey(keys.log, keys.time) for keys in ring.all(epoch.origin)] if ring is not None else []
    keys = own[0] if key_is_lost and own else _signed_last(await read_epoch_keys(epoch.number, connection), own, last)
    text = parse_note(last).text if last else ""
    return NextEpoch(number, origin, text, keys.of(origin) if keys is not None else None)


def _signed_last(known: Sequence[EpochKey], own: Sequence[EpochKey], last: str) -> EpochKey | None:
    """The keys that signed the last checkpoint. A database that went back may not know them."""
    if not last:
        return known[-1] if known else None
    note = parse_note(last)
    origin = Checkpoint.parse(note.text).origin
    signed = [each for each in (*known, *own) if note.signed_by(each.of(origin).log)]
    return next(iter((*signed, *known[-1:])), None)


async def begin(epoch: NextEpoch, connection: asyncpg.Connection) -> None:
    """Begin it, with the keys that sign it."""
    async with connection.transaction():
        await store.begin_epoch(epoch.number, epoch.origin, connection)
        if epoch.keys is not None:
            await add_key(epoch.number, epoch.keys.log, epoch.keys.time, connection)
