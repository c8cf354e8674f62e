"""The check of the tree: rows, words, tiles and checkpoints of the newest epoch, slice by slice."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
from msgspec import Struct

from audit.checking.checkpoints import Collected, Comparison, collect, of_epoch
from audit.checking.heads import check_heads, sort_kept
from audit.checking.mismatch import DAMAGED, Mismatch, damaged
from audit.checking.rows import ErasedPlaces, LeavesRead, stray_words, tiles_beyond
from audit.checking.slices import OpenSlice
from audit.heads.statement import HeadsFile
from audit.signing.anchor import Anchored
from audit.signing.key_limits import LimitedKey
from audit.signing.trusted_keys import TrustedKeys
from audit.tree import store
from audit.tree.merkle import Frontier
from audit.tree.store import Epoch

READ_NOTES = "SELECT note FROM audit_checkpoints WHERE epoch = $1 ORDER BY size"


class TreeChecked(Struct, frozen=True):
    """What was looked at, beyond the first leaves, and what is wrong. `root`: of the tiles, in base64."""

    origin: str
    rows: int
    beyond: int
    size: int
    root: str
    checkpoints: int
    findings: list[Mismatch]


@dataclass(frozen=True, slots=True)
class VerifiedBefore:
    """A tree that was verified and found good: its name, its size, and its root in base64."""

    origin: str
    size: int
    root: str


class NoTree(Exception):
    """There is nothing to verify: the service, which makes the tree over the log, has not run yet."""


async def check_tree(
    trusted: TrustedKeys,
    anchored: Sequence[Anchored],
    outside: Sequence[tuple[str, str]],
    slices: OpenSlice,
    *,
    erasing_topic: str,
    since: VerifiedBefore | None = None,
) -> TreeChecked:
    """Check the newest epoch. What is added meanwhile is left out; the log only grows, so that slices fit together.

    `trusted`: without a secret there, signatures are not checked. `anchored`: what the anchor had before.
    `outside`: checkpoints and statements of heads that others kept, as name and text. `since`: only what comes
    after it. Raises NoTree.
    """
    erased = ErasedPlaces(erasing_topic)
    notes, kept, untrusted = sort_kept(outside)
    async with slices() as connection:
        epoch = await store.read_epoch(connection)
        if epoch is None:
            raise NoTree("Nothing to verify yet: start the service, which makes the tree over the log")
        keys, findings = await _keys(epoch, trusted, connection)
        collected = await _collected(epoch, keys, anchored, notes, connection)
        begun, unlike_before = await _begun(epoch, since, connection)
        findings += unlike_before
        findings += await tiles_beyond(epoch.number, epoch.size, connection)
        findings += [*await _erased(erased, connection), *untrusted]
    beyond = begun.size
    comparison = Comparison(collected.by_size, begun)
    read = LeavesRead(epoch.number, beyond, epoch.size, erased)
    async for leaf in read.leaves(slices):
        comparison.add(leaf)
    comparison.finish()
    async with slices() as connection:
        findings += [*read.findings, *await _stray(connection), *collected.findings, *comparison.findings]
        findings += await _heads(kept, epoch, keys, connection)
        if comparison.tree.size == epoch.size and not await _has_peaks(epoch, comparison.tree, connection):
            said = f"the tiles above those of level 0 are not made from them, in a tree of {epoch.size:,} events"
            findings.append(Mismatch("tree", said))
    root = base64.b64encode(comparison.tree.root()).decode()
    return TreeChecked(epoch.origin, read.rows, beyond, comparison.tree.size, root, len(collected.by_size), findings)


async def _keys(
    epoch: Epoch, trusted: TrustedKeys, connection: asyncpg.Connection
) -> tuple[list[LimitedKey] | None, list[Mismatch]]:
    """The keys of the log, and what is wrong with those in the database; None where signatures cannot be checked."""
    try:
        async with connection.transaction():
            found = await trusted.read(epoch, connection)
    except DAMAGED as error:
        return None, [damaged("the keys of the log", error)]
    if found is None:
        return None, []
    return found.limited, [Mismatch("the keys of the log", said) for said in found.problems]


async def _collected(
    epoch: Epoch,
    keys: Sequence[LimitedKey] | None,
    anchored: Sequence[Anchored],
    outside: Sequence[tuple[str, str]],
    connection: asyncpg.Connection,
) -> Collected:
    """The checkpoints that are known."""
    notes = [("database", row["note"]) for row in await connection.fetch(READ_NOTES, epoch.number)]
    notes += [("anchor", note) for note in of_epoch(anchored, epoch.number)]
    return collect([*notes, *outside], epoch.origin, keys, ended=(await store.origins(connection))[:-1])


async def _begun(
    epoch: Epoch, since: VerifiedBefore | None, connection: asyncpg.Connection
) -> tuple[Frontier, list[Mismatch]]:
    """The tree to begin with: the one that was verified before, if the tiles still hold it, or else an empty one."""
    if since is None or since.origin != epoch.origin:
        return Frontier(), []
    events = f"events 1 to {since.size:,} of the tree"
    try:
        async with connection.transaction():
            begun = Frontier(since.size, await store.peaks_of(epoch.number, since.size, connection))
    except (KeyError, *DAMAGED):
        begun = Frontier()
    if since.size > epoch.size or base64.b64encode(begun.root()).decode() != since.root:
        return Frontier(), [Mismatch(events, f"{events} are not those that were verified last")]
    return begun, []


async def _erased(erased: ErasedPlaces, connection: asyncpg.Connection) -> list[Mismatch]:
    try:
        async with connection.transaction():
            await erased.follow(connection)
    except DAMAGED as error:
        return [damaged("the events that erased words", error)]
    return []


async def _stray(connection: asyncpg.Connection) -> list[Mismatch]:
    try:
        async with connection.transaction():
            return await stray_words(connection)
    except DAMAGED as error:
        return [damaged("the words of events", error)]


async def _heads(
    kept: Sequence[tuple[str, HeadsFile]],
    epoch: Epoch,
    keys: Sequence[LimitedKey] | None,
    connection: asyncpg.Connection,
) -> list[Mismatch]:
    try:
        async with connection.transaction():
            return await check_heads(kept, epoch, keys, connection)
    except DAMAGED as error:
        return [damaged("the newest version of each stream", error)]


async def _has_peaks(epoch: Epoch, tree: Frontier, connection: asyncpg.Connection) -> bool:
    """Whether the upper tiles, from which roots are read, lead to the same tree."""
    try:
        return await store.peaks_of(epoch.number, epoch.size, connection) == tree.peaks
    except (KeyError, *DAMAGED):
        return False
