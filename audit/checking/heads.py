"""Statements of heads that others kept, compared with the log."""

from collections.abc import Sequence

import asyncpg

from audit.checking.mismatch import Mismatch
from audit.heads.heads_seen import differences
from audit.heads.statement import HeadsFile, is_heads_file
from audit.heads.stating import heads_of_log
from audit.signing.key_limits import LimitedKey, why_not_signed
from audit.signing.notes import BadNote
from audit.tree.store import Epoch


def sort_kept(
    outside: Sequence[tuple[str, str]],
) -> tuple[list[tuple[str, str]], list[tuple[str, HeadsFile]], list[Mismatch]]:
    """Texts that others kept: the checkpoints, the statements of heads, and findings about what is neither.

    The checkpoint below a statement is one like any other.
    """
    notes, kept, findings = [], [], []
    for name, text in outside:
        if not is_heads_file(text):
            notes.append((name, text))
            continue
        try:
            file = HeadsFile.parse(text)
        except BadNote as error:
            findings.append(_about(name, f"the statement cannot be trusted: {error}"))
        else:
            notes.append((name, str(file.checkpoint)))
            kept.append((name, file))
    return notes, kept, findings


async def check_heads(
    kept: Sequence[tuple[str, HeadsFile]],
    epoch: Epoch,
    keys: Sequence[LimitedKey] | None,
    connection: asyncpg.Connection,
) -> list[Mismatch]:
    """What is wrong with statements of this epoch, given by name. Without keys, signatures are not checked."""
    findings = []
    for name, file in kept:
        try:
            heads = file.heads
            why = why_not_signed(file.statement, heads.checkpoint.size, keys) if keys is not None else None
        except BadNote as error:
            findings.append(_about(name, f"the statement cannot be trusted: {error}"))
            continue
        if heads.checkpoint.origin != epoch.origin or heads.checkpoint.size > epoch.size:
            continue  # its checkpoint says so
        if why is not None:
            findings.append(_about(name, f"the statement {why}"))
            continue
        seen = await heads_of_log(epoch, heads.checkpoint.size, connection)
        findings += [_about(name, difference) for difference in differences(heads, seen)]
    return findings


def _about(name: str, said: str) -> Mismatch:
    """A finding about a statement. Its name is that of somebody's file, so it does not go on record."""
    return Mismatch("a statement of heads", f"{name}: {said}")
