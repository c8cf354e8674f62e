"""Statements of heads against the entries of a log, which are read one after the other."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from audit.heads.heads_seen import HeadsSeen, differences
from audit.heads.statement import Heads, HeadsFile
from audit.heads.trust import HeadsRefused, trusted_heads
from audit.proofs.policy import Policy
from audit.signing.checkpoint import Checkpoint
from audit.signing.notes import BadNote
from audit.tree.merkle import Frontier


class StatedHeads:
    """Statements, by name. Each is compared when the tree has as many leaves as its checkpoint."""

    def __init__(self, files: Mapping[str, HeadsFile], policy: Policy) -> None:
        self._found: list[str] = []
        self._waiting: dict[str, Heads] = {}
        for name, file in files.items():
            try:
                self._waiting[name] = trusted_heads(file, policy).heads
            except (HeadsRefused, BadNote) as error:
                self._found.append(f"{name}: {error}")

    def compare(self, tree: Frontier, versions: Mapping[str, int]) -> None:
        """The tree has one more leaf. `versions`: the newest of each stream, by the hex digits of its id."""
        for name, heads in [*self._waiting.items()]:
            if heads.checkpoint.size == tree.size:
                del self._waiting[name]
                seen = HeadsSeen(tree.size)
                seen.tree, seen.versions = tree, {UUID(stream): version for stream, version in versions.items()}
                self._found += [f"{name}: {difference}" for difference in differences(heads, seen)]

    def finish(self, checkpoint: Checkpoint) -> Iterator[str]:
        """All entries were read: what does not fit, and what is of another tree or a larger one."""
        yield from self._found
        for name, heads in self._waiting.items():
            stated = heads.checkpoint
            yield f"{name}: it is about {stated.size} entries of {stated.origin}, the log has {checkpoint.size}"
