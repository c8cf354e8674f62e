"""The heads of rows, read one after the other, with the tree over them."""

from collections.abc import Iterable
from uuid import UUID

from audit.heads.statement import Heads
from audit.tree.merkle import Frontier
from eventstore.generation import event_hash
from eventstore.values import Position, Version

LogRow = tuple[Position, UUID, Version, str, bytes]
"""Position, stream, version, topic, state."""


class HeadsSeen:
    """What the first rows of a log come to, up to a size."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.tree = Frontier()
        self.versions: dict[UUID, int] = {}

    def add_all(self, rows: Iterable[LogRow]) -> None:
        """Read rows to their end, in the order of positions. Those beyond the size do not count."""
        for position, stream, version, topic, state in rows:
            if self.tree.size < self.size:
                self.tree.add(event_hash(position, stream, version, topic, state))
                self.versions[stream] = max(version, self.versions.get(stream, 0))


def differences(heads: Heads, seen: HeadsSeen) -> list[str]:
    """How rows differ from a statement: a sentence each; none where they are what it speaks of."""
    size = heads.checkpoint.size
    if seen.tree.size < size:
        return [f"there are {seen.tree.size:,} events, and a tree of {size:,} was signed"]
    found = []
    if seen.tree.root() != heads.checkpoint.root:
        found.append(f"the first {size:,} events are not those that were signed")
    streams = {*heads.versions, *(seen.versions if heads.is_all else ())}
    for stream in sorted(streams):
        stated, last = heads.versions.get(stream, 0), seen.versions.get(stream, 0)
        if stated != last:
            found.append(f"stream {stream} ends with version {last}, and version {stated} was stated")
    return found
