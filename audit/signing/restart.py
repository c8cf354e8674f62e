"""Begins the next epoch: a new tree over the log as it is now, after a log that went back."""

import asyncio
from dataclasses import dataclass

import asyncpg

from audit.signing.anchor import AnchorFile
from audit.signing.notes import parse_note
from audit.tree import store


class NotStopped(Exception):
    """The tree is signed as ever: there is nothing to begin again."""


@dataclass(frozen=True, slots=True)
class NextEpoch:
    """What comes: the number and the name of the epoch; and the last checkpoint of the one before, as it was signed."""

    number: int
    origin: str
    last_checkpoint: str


async def next_epoch(anchor: AnchorFile, connection: asyncpg.Connection) -> NextEpoch:
    """What the next epoch will be. Raises NotStopped, AnchorUnavailable, BadNote.

    A database from before the present epoch began is as one that stopped: the anchor knows an epoch that it does not.
    """
    epoch = await store.read_epoch(connection)
    if epoch is None:
        raise NotStopped("the log has no tree yet: the service begins it")
    anchored = await asyncio.to_thread(anchor.newest)
    if epoch.stopped_why is None and (anchored is None or anchored.epoch <= epoch.number):
        raise NotStopped(f"the tree of {epoch.origin} is signed as ever: there is nothing to begin again")
    published = await store.read_checkpoint(epoch.number, connection)
    last = anchored.note if anchored is not None else published.note if published is not None else ""
    number = max(epoch.number, anchored.epoch if anchored is not None else 0) + 1
    name, _, _ = epoch.origin.rpartition("/")
    return NextEpoch(number, f"{name}/{number}", parse_note(last).text if last else "")
