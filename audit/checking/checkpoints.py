"""Checkpoints that were signed, against the tree that the tiles hold now."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from audit.checking.mismatch import Mismatch
from audit.signing.anchor import Anchored
from audit.signing.checkpoint import Checkpoint
from audit.signing.key_limits import LimitedKey, why_not_signed
from audit.signing.notes import BadNote, parse_note
from audit.tree.merkle import Frontier, Hash


@dataclass(frozen=True, slots=True)
class Known:
    """A checkpoint, and where it was found."""

    source: str
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Collected:
    """Checkpoints of one log by size, and what is wrong with notes that were found."""

    by_size: list[Known]
    findings: list[Mismatch]


def collect(
    notes: Iterable[tuple[str, str]],
    origin: str,
    keys: Sequence[LimitedKey] | None,
    *,
    ended: Collection[str] = (),
) -> Collected:
    """The checkpoints of a log in notes, given as source and text. Without keys, signatures are not checked.

    Those of `ended` epochs, by their names, are passed over: the log went back behind them, as an event says.
    """
    known: dict[tuple[str, int, Hash], Known] = {}
    findings: list[Mismatch] = []
    for source, text in notes:
        try:
            note = parse_note(text)
            checkpoint = Checkpoint.parse(note.text)
            is_ours = checkpoint.origin == origin
            why = why_not_signed(note, checkpoint.size, keys) if is_ours and keys is not None else None
        except BadNote as error:
            findings.append(Mismatch("a checkpoint", f"{source}: a checkpoint cannot be trusted: {error}"))
            continue
        if checkpoint.origin in ended:
            continue
        if not is_ours:
            said = f"{source}: the checkpoint is of the log {checkpoint.origin}, not of {origin}"
            findings.append(Mismatch(_place(checkpoint), said))
            continue
        if why is not None:
            said = f"{source}: the checkpoint of {checkpoint.size} events {why}"
            findings.append(Mismatch(_place(checkpoint), said))
            continue
        known.setdefault((source, checkpoint.size, checkpoint.root), Known(source, checkpoint))
    return Collected(sorted(known.values(), key=lambda each: each.checkpoint.size), findings)


def of_epoch(anchored: Iterable[Anchored], epoch: int) -> list[str]:
    """The notes in the anchor of one epoch."""
    return [each.note for each in anchored if each.epoch == epoch]


class Comparison:
    """Follows the tree leaf by leaf, and compares its root with each checkpoint on the way."""

    def __init__(self, known: list[Known], tree: Frontier) -> None:
        """`tree`: what the comparison begins with; checkpoints of smaller trees are passed over."""
        self.findings: list[Mismatch] = []
        self.tree = tree
        self._waiting = [each for each in known[::-1] if each.checkpoint.size >= tree.size]
        self._agreed = tree.size
        self._differs_from: int | None = None

    def add(self, leaf: Hash) -> None:
        """The next leaf of the tiles."""
        self._compare()
        self.tree.add(leaf)

    def finish(self) -> None:
        """All leaves were added: what was signed of more of them is missing."""
        self._compare()
        for known in self._waiting[::-1]:
            size = known.checkpoint.size
            said = f"{known.source}: a tree of {size:,} events was signed, and the tiles have {self.tree.size:,}"
            self.findings.append(Mismatch(_place(known.checkpoint), said))

    def _compare(self) -> None:
        while self._waiting and self._waiting[-1].checkpoint.size == self.tree.size:
            known = self._waiting.pop()
            size = known.checkpoint.size
            if known.checkpoint.root == self.tree.root():
                self._agreed = size
            elif self._differs_from in (None, size):
                self._differs_from = size
                events = f"events {self._agreed + 1:,} to {size:,} of the tree"
                self.findings.append(Mismatch(events, f"{known.source}: {events} are not those that were signed"))


def _place(checkpoint: Checkpoint) -> str:
    return f"the checkpoint of {checkpoint.size:,} events"
