"""The hash tree of RFC 6962, section 2.1, over the leaves of the log. Nothing is padded; a tree splits at the largest
power of two that is smaller than its size.

A node is the hash of a complete subtree: `node(level, index)` stands for the 2**level leaves from index * 2**level on.
Functions that need nodes are given one that finds them. Source: RFC 6962, sections 2.1.1 and 2.1.2.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

Hash = bytes
HASH_BYTES = 32
TILE = 256
"""Leaves are folded in pieces of as many as a tile holds, at most."""
Node = Callable[[int, int], Hash]

EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves."""


class BadProof(Exception):
    """A proof that does not lead from what it starts with to the root; the text says why."""


def leaf_hash(entry: bytes) -> Hash:
    """The leaf of an entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: Hash, right: Hash) -> Hash:
    """The node above two others."""
    return sha256(b"\x01" + left + right).digest()


@functools.lru_cache(maxsize=128)
def fold(hashes: bytes) -> Hash:
    """The node above 2**n others, which stand one behind the other.

    What was folded a moment ago is remembered: the same hashes come from the tiles and from the rows.
    """
    while len(hashes) > HASH_BYTES:
        pairs = range(0, len(hashes), 2 * HASH_BYTES)
        hashes = b"".join([sha256(b"\x01" + hashes[at : at + 2 * HASH_BYTES]).digest() for at in pairs])
    return hashes


class Frontier:
    """The right edge of a tree: enough to add leaves and to know the root, in a few dozen hashes."""

    def __init__(self, size: int = 0, peaks: Iterable[Hash] = ()) -> None:
        """`peaks`: the complete subtrees that a tree of `size` leaves consists of, the largest first."""
        self.size = size
        self._peaks = list(peaks)

    def add(self, leaf: Hash) -> None:
        """Add the next leaf."""
        self._add(0, leaf)

    def extend(self, leaves: bytes | bytearray) -> None:
        """Add leaves, one behind the other, in the largest subtrees that a tile holds."""
        at, count = 0, len(leaves) // HASH_BYTES
        while at < count:
            room = TILE if not self.size % TILE else self.size & -self.size
            level = min(room.bit_length(), (count - at).bit_length()) - 1
            self._add(level, fold(bytes(leaves[at * HASH_BYTES : (at + (1 << level)) * HASH_BYTES])))
            at += 1 << level

    def _add(self, level: int, node: Hash) -> None:
        """Add a complete subtree of 2**level leaves. The size is a multiple of that."""
        size = self.size >> level
        while size & 1:
            node = node_hash(self._peaks.pop(), node)
            size >>= 1
        self._peaks.append(node)
        self.size += 1 << level

    @property
    def peaks(self) -> list[Hash]:
        """The complete subtrees, the largest first: with the size, enough to go on from here."""
        return list(self._peaks)

    def root(self) -> Hash:
        """The root of all leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        *rest, root = self._peaks
        for peak in reversed(rest):
            root = node_hash(peak, root)
        return root


def peaks(size: int, node: Node) -> list[Hash]:
    """The complete subtrees that a tree of `size` leaves consists of, the largest first."""
    found, start = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            found.append(node(level, start >> level))
            start += 1 << level
    return found


def root(size: int, node: Node) -> Hash:
    """The root of a tree of `size` leaves."""
    return Frontier(size, peaks(size, node)).root()


def inclusion_path(index: int, size: int, node: Node) -> list[Hash]:
    """The siblings on the way from the leaf at `index` to the root of a tree of `size` leaves, the leaf's first.

    Raises ValueError unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path: list[Hash] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_subtree(middle, end, node))
            end = middle
        else:
            path.append(_subtree(start, middle, node))
            start = middle
    return path[::-1]


def consistency_path(old: int, size: int, node: Node) -> list[Hash]:
    """The nodes that show a tree of `old` leaves to be the beginning of one of `size` leaves.

    Raises ValueError unless 0 < old <= size.
    """
    if not 0 < old <= size:
        raise ValueError(f"a tree of {size} leaves does not begin with one of {old}")
    path: list[Hash] = []
    start, end, is_whole = 0, size, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_subtree(middle, end, node))
            end = middle
        else:
            path.append(_subtree(start, middle, node))
            start, is_whole = middle, False
    if not is_whole:
        path.append(_subtree(start, end, node))
    return path[::-1]


def root_from_inclusion(leaf: Hash, index: int, size: int, path: Sequence[Hash]) -> Hash:
    """The root to which a path leads from a leaf. Raises BadProof for a path of the wrong length and a wrong index."""
    if not 0 <= index < size:
        raise BadProof(f"index {index} is outside a tree of {size} leaves")
    inner = (index ^ (size - 1)).bit_length()
    border = (index >> inner).bit_count()
    if len(path) != inner + border:
        raise BadProof(f"the path has {len(path)} hashes, not {inner + border}")
    result = leaf
    for level, sibling in enumerate(path[:inner]):
        result = node_hash(result, sibling) if not index >> level & 1 else node_hash(sibling, result)
    for sibling in path[inner:]:
        result = node_hash(sibling, result)
    return result


def check_consistency(old: int, old_root: Hash, size: int, new_root: Hash, path: Sequence[Hash]) -> None:
    """Raises BadProof unless `path` shows the tree of `old` leaves to be the beginning of the one of `size`."""
    if not 0 <= old <= size:
        raise BadProof(f"a tree of {size} leaves does not begin with one of {old}")
    if old in (0, size):
        if path or (old == size and old_root != new_root):
            raise BadProof("two roots for one size" if not path else "a path where none is needed")
        return
    if not path:
        raise BadProof("the path is empty")
    rest = list(path)
    first = old_root if old & (old - 1) == 0 else rest.pop(0)
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    seen_old = seen_new = first
    for sibling in rest:
        if last == 0:
            raise BadProof("the path is too long")
        if node & 1 or node == last:
            seen_old, seen_new = node_hash(sibling, seen_old), node_hash(sibling, seen_new)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            seen_new = node_hash(seen_new, sibling)
        node, last = node >> 1, last >> 1
    if last != 0 or seen_old != old_root or seen_new != new_root:
        raise BadProof("the path does not lead from one root to the other")


def _split(size: int) -> int:
    """The largest power of two that is smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def _subtree(start: int, end: int, node: Node) -> Hash:
    """The hash of the leaves from `start` to before `end`, a subtree of a tree that begins at 0."""
    size = end - start
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(size)
    return node_hash(_subtree(start, middle, node), _subtree(middle, end, node))
