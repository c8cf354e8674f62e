"""Signs checkpoints, and only of what is true: of what tiles and rows say by two ways that share no code.

The order: tiles, both roots, the anchor, witnesses, publication. A crash in between leaves an anchored checkpoint that
is not published; the next one continues it. A database that was restored from before an anchored checkpoint contradicts
the anchor, and nothing is signed until an operator begins the next epoch.

The key is the one that the database names. An event may name the next: then the key before signs one more tree, which
has the event in it, and from then on the next key signs alone.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import asyncpg

from audit.signing.anchor import Anchored, AnchorFile
from audit.signing.checkpoint import Checkpoint
from audit.signing.epoch_keys import EpochKey, add_key, read_epoch_keys, replace_key
from audit.signing.key_change import KeyChanges, NextKeys
from audit.signing.key_ring import KeyRing
from audit.signing.keys import SignerKeys
from audit.signing.notes import Note, parse_note
from audit.signing.rows_seen import RowsSeen
from audit.tree import store
from audit.tree.merkle import Frontier, Hash
from audit.tree.store import Epoch, Published
from eventstore.values import LOG_START, Position

FRESH_S = 600.0
"""A checkpoint without news is signed again, with a fresh time, when it is so old."""


class Contradiction(Exception):
    """What is to be signed contradicts what was signed before, or itself; the text says how."""


class KeyMissing(Exception):
    """This process does not have the key that signs; the text names it. Another process may have it."""


class Cosigning(Protocol):
    """Others who may sign as well. What they say never holds up a checkpoint for long."""

    async def cosign(self, note: Note, epoch: Epoch, connection: asyncpg.Connection, /) -> Note:
        """The checkpoint with further signatures, of those that did not sign it yet. Raises Contradiction."""


class Signer:
    """Signs the tree of one epoch. One process signs at a time; it holds a lock meanwhile.

    Methods raise Contradiction, KeyMissing, AnchorUnavailable, BadNote, and asyncpg's errors.
    """

    def __init__(
        self,
        anchor: AnchorFile,
        keys: KeyRing,
        changes: KeyChanges,
        witnesses: Cosigning,
        *,
        now: Callable[[], datetime],
    ) -> None:
        """`changes`: the events that name the next key."""
        self._anchor = anchor
        self._witnesses = witnesses
        self._keys = keys
        self._changes = changes
        self._now = now
        self._rows: RowsSeen | None = None
        self._signed: Epoch | None = None

    async def sign(self, epoch: Epoch, connection: asyncpg.Connection) -> Published | None:
        """Sign what the tiles of `epoch` hold, and publish it. Without news, offer the newest checkpoint to witnesses
        that have not cosigned it. None where that changes nothing.
        """
        published = await store.read_checkpoint(epoch.number, connection)
        known = await read_epoch_keys(epoch.number, connection)
        now = self._now()
        anchored = await asyncio.to_thread(self._anchor.newest)
        is_due = epoch.size > 0 and (published is None or not self._is_fresh(published, epoch, known, now))
        if is_due or (anchored is not None and anchored.checkpoint != _checkpoint_of(published)):
            await self._must_continue(anchored, epoch, connection)
        if not is_due:
            return await self._with_more_cosignatures(published, epoch, connection)
        keys = self._keys_that_sign(epoch, known, published)
        try:
            root = await self._true_root(epoch, published, connection)
        except Contradiction:
            await self._must_continue(anchored, epoch, connection)  # which says more, where that is the reason
            raise
        checkpoint = Checkpoint(epoch.origin, epoch.size, root)
        note = keys.sign(checkpoint.text, time=int(now.timestamp()))
        await asyncio.to_thread(self._anchor.append, Anchored(epoch.number, str(note)))
        note = await self._witnesses.cosign(note, epoch, connection)
        signed = Published(epoch.size, str(note), now)
        follows = await self._next_keys(epoch, known, keys, published, connection)
        async with connection.transaction():
            await store.write_checkpoint(epoch.number, signed, connection)
            if not known:
                await add_key(epoch.number, keys.log, keys.time, connection)
            if follows is not None:
                await replace_key(epoch.number, epoch.size, follows.log, follows.time, connection)
        self._keys.settle(keys)
        self._signed = epoch
        return signed

    async def _with_more_cosignatures(
        self, published: Published | None, epoch: Epoch, connection: asyncpg.Connection
    ) -> Published | None:
        """What is published, once more, if a witness cosigns it now: one that was away, or that the policy names since
        this start.
        """
        if published is None:
            return None
        note = parse_note(published.note)
        cosigned = await self._witnesses.cosign(note, epoch, connection)
        if cosigned == note:
            return None
        after = replace(published, note=str(cosigned))
        await store.write_checkpoint(epoch.number, after, connection)
        return after

    def _keys_that_sign(self, epoch: Epoch, known: Sequence[EpochKey], published: Published | None) -> SignerKeys:
        """Raises KeyMissing where this process does not have them."""
        if known:
            found = self._keys.find(known[-1].log)
            if found is None:
                raise KeyMissing(f"this process does not have the key that signs, {known[-1].log.short}")
            return found
        first = self._keys.first(epoch.origin)
        if published is not None and not parse_note(published.note).signed_by(first.log):
            raise KeyMissing(f"the checkpoint of {published.size} events is not signed with the key of this process")
        return first

    async def _next_keys(
        self,
        epoch: Epoch,
        known: Sequence[EpochKey],
        keys: SignerKeys,
        published: Published | None,
        connection: asyncpg.Connection,
    ) -> NextKeys | None:
        """The keys that follow: those that an event names which is in this tree, and was not in the last."""
        size = published.size if published is not None else 0
        if self._signed is not None and (self._signed.number, self._signed.size) == (epoch.number, size):
            beyond: Position | None = self._signed.position
        else:
            beyond = await store.position_of(epoch.number, size - 1, connection) if size else None
        before = {each.log for each in known}
        for change in await self._changes.read(connection, beyond=beyond or LOG_START, up_to=epoch.position):
            follows = change.after(keys.log)
            if follows is not None and follows.log not in before:
                return follows
        return None

    def _is_fresh(self, published: Published, epoch: Epoch, known: Sequence[EpochKey], now: datetime) -> bool:
        age_s = (now - published.signed_at).total_seconds()
        if published.size != epoch.size or not 0 <= age_s < FRESH_S:
            return False
        return not known or parse_note(published.note).signed_by(known[-1].log)

    async def _must_continue(self, anchored: Anchored | None, epoch: Epoch, connection: asyncpg.Connection) -> None:
        """Raises Contradiction unless the tiles continue the tree that was signed last."""
        if anchored is None or anchored.epoch < epoch.number:
            return
        known = anchored.checkpoint
        if anchored.epoch > epoch.number or known.origin != epoch.origin:
            raise Contradiction(f"the anchor is of the log {known.origin}, the database of {epoch.origin}")
        if known.size > epoch.size:
            raise Contradiction(f"a tree of {known.size} events was signed, and the log has {epoch.size}")
        rows = self._rows
        if rows is not None and (rows.frontier.size, rows.frontier.root()) == (known.size, known.root):
            return  # what is signed next has to be the tree of these rows, continued
        if await _root_of_tiles(epoch, known.size, connection) != known.root:
            raise Contradiction(f"the first {known.size} events are not those that were signed")

    async def _true_root(self, epoch: Epoch, published: Published | None, connection: asyncpg.Connection) -> Hash:
        rows = self._rows
        if rows is None or rows.epoch != epoch.number or rows.frontier.size > epoch.size:
            rows = self._rows = await self._rows_from(epoch, published, connection)
        await rows.advance(epoch.position, connection)
        if rows.frontier.size != epoch.size:
            self._rows = None
            raise Contradiction(f"the log has {rows.frontier.size} events where its tree has {epoch.size}")
        root = await _root_of_tiles(epoch, epoch.size, connection)
        if rows.frontier.root() != root:
            self._rows = None
            raise Contradiction(f"the tiles of {epoch.size} events are not those of the rows")
        return root

    async def _rows_from(self, epoch: Epoch, published: Published | None, connection: asyncpg.Connection) -> RowsSeen:
        """Where to begin with the rows: at the newest checkpoint, if it is signed with a key of this process, which had
        compared before.
        """
        if published is None or published.size > epoch.size:
            return RowsSeen(epoch.number, Frontier(), LOG_START)
        note = parse_note(published.note)
        if not any(note.signed_by(keys.log) for keys in self._keys.all(epoch.origin)):
            return RowsSeen(epoch.number, Frontier(), LOG_START)
        peaks = await _peaks_in_tiles(epoch, published.size, connection)
        frontier = Frontier(published.size, peaks)
        if frontier.root() != Checkpoint.parse(note.text).root:
            raise Contradiction(f"the tiles of {published.size} events are not those that were signed")
        position = await store.position_of(epoch.number, published.size - 1, connection)
        if position is None:
            raise Contradiction(f"the tiles lack the position of event {published.size}")
        return RowsSeen(epoch.number, frontier, position)


def _checkpoint_of(published: Published | None) -> Checkpoint | None:
    """Raises BadNote."""
    return Checkpoint.parse(parse_note(published.note).text) if published is not None else None


async def _root_of_tiles(epoch: Epoch, size: int, connection: asyncpg.Connection) -> Hash:
    return Frontier(size, await _peaks_in_tiles(epoch, size, connection)).root()


async def _peaks_in_tiles(epoch: Epoch, size: int, connection: asyncpg.Connection) -> list[Hash]:
    try:
        return await store.peaks_of(epoch.number, size, connection)
    except KeyError as error:
        raise Contradiction(f"a tile of the tree of {size} events is missing") from error
