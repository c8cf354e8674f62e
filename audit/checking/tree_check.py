"""The check of the tree: rows, words, tiles and checkpoints of the newest epoch, in one snapshot of the database."""

from collections.abc import Sequence

import asyncpg
from msgspec import Struct

from audit.checking.checkpoints import Comparison, collect, of_epoch
from audit.checking.heads import check_heads, sort_kept
from audit.checking.rows import LeavesRead, read_erased, stray_words
from audit.signing.anchor import Anchored
from audit.signing.notes import VerifierKey
from audit.tree import store
from audit.tree.merkle import Frontier
from audit.tree.store import Epoch

READ_NOTES = "SELECT note FROM audit_checkpoints WHERE epoch = $1 ORDER BY size"


class TreeChecked(Struct, frozen=True):
    """What was looked at, and what is wrong: a sentence each."""

    origin: str
    rows: int
    size: int
    checkpoints: int
    findings: list[str]


async def check_tree(
    epoch: Epoch,
    key: VerifierKey | None,
    anchored: Sequence[Anchored],
    outside: Sequence[tuple[str, str]],
    connection: asyncpg.Connection,
    *,
    erasing_topic: str,
) -> TreeChecked:
    """Check an epoch that was read in the same transaction, which sees one snapshot.

    `outside`: checkpoints and statements of heads that others kept, as name and text. Without a key, signatures are not
    checked.
    """
    notes, kept, findings = sort_kept(outside)
    stored = [row["note"] for row in await connection.fetch(READ_NOTES, epoch.number)]
    notes += [("database", note) for note in stored]
    notes += [("anchor", note) for note in of_epoch(anchored, epoch.number)]
    collected = collect(notes, epoch.origin, key, ended=(await store.origins(connection))[:-1])
    comparison = Comparison(collected.by_size)
    read = LeavesRead(epoch.number, epoch.size, await read_erased(erasing_topic, connection))
    tree = Frontier()
    async for leaf in read.leaves(connection):
        comparison.add(leaf)
        tree.add(leaf)
    comparison.finish()
    findings += [*read.findings, *await stray_words(connection), *collected.findings, *comparison.findings]
    findings += await check_heads(kept, epoch, key, connection)
    if tree.size == epoch.size and not await _has_peaks(epoch, tree, connection):
        findings.append(f"the tiles above those of level 0 are not made from them, in a tree of {epoch.size:,} events")
    return TreeChecked(epoch.origin, read.rows, epoch.size, len(collected.by_size), findings)


async def _has_peaks(epoch: Epoch, tree: Frontier, connection: asyncpg.Connection) -> bool:
    """Whether the upper tiles, from which roots are read, lead to the same tree."""
    try:
        return await store.peaks_of(epoch.number, epoch.size, connection) == tree.peaks
    except KeyError:
        return False
