"""Reads what a log added since the last time: one history, in which every stream counts 1, 2, 3, … once."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

from audit.heads.statement import HeadsFile
from audit.monitor.published_log import PublishedLog
from audit.monitor.receipt import LogReceipt
from audit.monitor.stated_heads import StatedHeads
from audit.proofs.policy import Policy, distrust
from audit.signing.checkpoint import Checkpoint
from audit.signing.key_limits import limited, newly_replaced
from audit.signing.notes import BadNote, parse_note
from audit.tree.entries import EntryPlace
from audit.tree.merkle import Frontier, leaf_hash

STALE_S = 3600.0
"""A log signs a fresh checkpoint every ten minutes, also without news."""

MOST_SAID = 20
"""Findings about single entries that are said; the others are counted."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was read, and what is wrong with it: nothing in a log that is as it must be."""

    origin: str
    added: int
    streams: int
    findings: tuple[str, ...]
    receipt: LogReceipt | None
    """For the next time; None where the last one stands."""


async def monitor(
    log: PublishedLog,
    policy: Policy,
    known: LogReceipt | None,
    *,
    now: datetime,
    stated: Mapping[str, HeadsFile] = MappingProxyType({}),
) -> Report:
    """Read on from a receipt, or from the beginning. Raises LogUnavailable, and BadNote for what cannot be read.

    `stated`: statements of heads to compare, by name. For these, everything is read from the beginning.
    """
    note = await log.checkpoint()
    checkpoint = Checkpoint.parse(note.text)
    replaced = dict(known.replaced) if known is not None else {}
    keys = limited(policy.logs, replaced)
    findings = distrust(note, checkpoint, replace(policy, logs=keys))
    if known is not None:
        seen = parse_note(known.checkpoint)
        findings += _contradicted(Checkpoint.parse(seen.text), checkpoint)
        replaced = newly_replaced(seen, note, checkpoint.size, keys) | replaced
    if findings:
        return Report(checkpoint.origin, 0, 0, tuple(findings), None)
    known_size = known.size if known is not None else 0
    goes_on = known is not None and not stated
    frontier = known.frontier if known is not None and goes_on else Frontier()
    versions = dict(known.versions) if known is not None and goes_on else {}
    said = _Findings()
    heads = StatedHeads(stated, policy)
    async for place in _places(log, frontier, checkpoint.size):
        stream = place.stream.hex
        if place.version != versions.get(stream, 0) + 1:
            before = versions.get(stream, 0)
            said.add(f"stream {place.stream} has version {place.version} after {before}, at {place.position}")
        versions[stream] = place.version
        heads.compare(frontier, versions)
        if known is not None and frontier.size == known_size and frontier.peaks != known.peaks:
            said.add(f"the first {known_size} entries are not those that were read before")
    for line in heads.finish(checkpoint):
        said.add(line)
    if frontier.root() != checkpoint.root:
        said.add(f"the entries up to {checkpoint.size} are not those that were signed")
    for line in _stale(policy.cosigned_at(note), now):
        said.add(line)
    receipt = LogReceipt(str(note), checkpoint.size, frontier.peaks, versions, now.isoformat(), replaced)
    is_fine = not said.lines
    return Report(
        checkpoint.origin, checkpoint.size - known_size, len(versions), said.all, receipt if is_fine else None
    )


async def _places(log: PublishedLog, frontier: Frontier, size: int) -> AsyncIterator[EntryPlace]:
    """Where the entries that are added to the frontier say that they are."""
    async for entry in log.entries(frontier.size, size):
        frontier.add(leaf_hash(entry))
        try:
            yield EntryPlace.of(entry)
        except ValueError as error:
            raise BadNote(f"entry {frontier.size - 1}: {error}") from error


def _contradicted(known: Checkpoint, checkpoint: Checkpoint) -> list[str]:
    """How a checkpoint contradicts one that was seen before."""
    if known.origin != checkpoint.origin:
        return [f"the receipt is of {known.origin}, the log is {checkpoint.origin}"]
    if known.size > checkpoint.size:
        return [f"the log had {known.size} entries, and has {checkpoint.size}"]
    if known.size == checkpoint.size and known.root != checkpoint.root:
        return [f"two roots of {known.size} entries were signed"]
    return []


def _stale(signed_at: Mapping[str, int], now: datetime) -> list[str]:
    """Whether nothing was signed for so long that the log must have ended: by those in the policy who say when."""
    newest = max(signed_at.values(), default=None)
    if newest is None or now.timestamp() - newest <= STALE_S:
        return []
    at = datetime.fromtimestamp(newest, UTC)
    return [
        f"the newest checkpoint is of {at:%Y-%m-%d %H:%M} UTC: nothing is signed here any more. Ask the operator why"
    ]


class _Findings:
    """Lines, as many as a person reads."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._more = 0

    def add(self, line: str) -> None:
        if len(self.lines) < MOST_SAID:
            self.lines.append(line)
        else:
            self._more += 1

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.lines, *([f"and {self._more} more"] if self._more else []))
