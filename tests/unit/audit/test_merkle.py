"""The tree is RFC 6962's: compared with the definition."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.tree import merkle, tiles
from audit.tree.merkle import BadProof, Frontier, Hash, leaf_hash
from audit.tree.tiles import TileId
from tests.support import rfc6962
from tests.support.rfc6962 import mth

MOST = 700
LEAVES = [leaf_hash(b"leaf %d" % number) for number in range(MOST)]

sizes = st.integers(1, MOST)


def node(level: int, index: int) -> Hash:
    """A node of the tree over LEAVES, by the definition."""
    return mth(LEAVES[index << level : (index + 1) << level])


def all_tiles() -> dict[TileId, bytes]:
    """The tiles of the tree over LEAVES."""
    found = {}
    for level in range(2):
        count = MOST >> 8 * level
        for first in range(0, count, 256):
            hashes = [node(8 * level, index) for index in range(first, min(first + 256, count))]
            found[TileId(level, first // 256)] = b"".join(hashes)
    return found


TILES = all_tiles()


@given(sizes)
def test_three_ways_lead_to_one_root(size: int) -> None:
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.add(leaf)
    assert frontier.root() == merkle.root(size, node) == mth(LEAVES[:size])


@given(sizes)
def test_a_frontier_continues_from_the_peaks_of_a_tree(size: int) -> None:
    frontier = Frontier(size, merkle.peaks(size, node))
    for leaf in LEAVES[size:]:
        frontier.add(leaf)
    assert frontier.root() == mth(LEAVES)


@given(st.lists(sizes, max_size=5))
def test_many_leaves_at_once_are_as_one_after_the_other(steps: list[int]) -> None:
    frontier, size = Frontier(), 0
    for step in steps:
        frontier.extend(b"".join(LEAVES[size : size + step]))
        size = min(size + step, MOST)
        assert (frontier.size, frontier.root()) == (size, mth(LEAVES[:size]))
        assert frontier.peaks == merkle.peaks(size, node)


def test_a_tree_without_leaves_has_the_root_of_nothing() -> None:
    assert Frontier().root() == merkle.root(0, node) == hashlib.sha256(b"").digest()


@given(sizes, st.data())
def test_an_inclusion_path_leads_from_its_leaf_to_the_root_and_from_no_other(size: int, data: st.DataObject) -> None:
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    path = merkle.inclusion_path(index, size, node)
    assert path == rfc6962.path(index, LEAVES[:size])
    assert merkle.root_from_inclusion(LEAVES[index], index, size, path) == mth(LEAVES[:size])
    if other != index:
        try:
            root = merkle.root_from_inclusion(LEAVES[index], other, size, path)
        except BadProof:
            return
        assert root != mth(LEAVES[:size])


@pytest.mark.parametrize("index", [-1, 5, 6])
def test_there_is_no_path_of_a_leaf_outside_the_tree(index: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_path(index, 5, node)
    with pytest.raises(BadProof):
        merkle.root_from_inclusion(LEAVES[0], index, 5, [])


@given(sizes, st.data())
def test_a_consistency_path_shows_the_beginning_and_nothing_else(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size))
    path = merkle.consistency_path(old, size, node)
    assert path == rfc6962.proof(old, LEAVES[:size])
    old_root, root = mth(LEAVES[:old]), mth(LEAVES[:size])
    merkle.check_consistency(old, old_root, size, root, path)
    for wrong in ((old, LEAVES[-1], size, root, path), (old, old_root, size, LEAVES[-1], path)):
        with pytest.raises(BadProof):
            merkle.check_consistency(*wrong)
    with pytest.raises(BadProof):
        merkle.check_consistency(old, old_root, size, root, [*path, LEAVES[0]])
    if path:
        with pytest.raises(BadProof):
            merkle.check_consistency(old, old_root, size, root, path[:-1])
    with pytest.raises(BadProof):
        merkle.check_consistency(size + 1, root, size, root, [])


@given(st.integers(0, 9), st.data())
def test_a_node_is_computed_from_the_tile_that_covers_it(level: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, (MOST >> level) - 1))
    (tile,) = tiles.tiles_of([(level, index)])
    assert tiles.node_in({tile: TILES[tile]}, level, index) == node(level, index)


def test_a_tile_that_is_too_short_gives_no_node() -> None:
    with pytest.raises(KeyError):
        tiles.node_in({TileId(0, 2): TILES[TileId(0, 2)][:-32]}, 0, MOST - 1)


def test_size_700_has_the_tiles_of_the_specification() -> None:
    widths = {tile: tiles.width_at(tile, 700) for tile in (TileId(0, 0), TileId(0, 1), TileId(0, 2), TileId(1, 0))}
    assert list(widths.values()) == [256, 256, 188, 2]
    assert tiles.width_at(TileId(0, 3), 700) == tiles.width_at(TileId(2, 0), 700) == 0
    assert {tile: len(hashes) // 32 for tile, hashes in TILES.items()} == widths


@given(st.integers(0, 10**12))
def test_a_number_is_read_back_from_its_path(number: int) -> None:
    assert tiles.number_of(tiles.path_of(number)) == number


def test_a_number_has_groups_of_three_digits() -> None:
    assert tiles.path_of(1234067) == "x001/x234/067"
    assert tiles.path_of(7) == "007"


@pytest.mark.parametrize(
    "path", ["7", "x007", "001/067", "x000/067", "x01/067", "x001/67", "", "\u0660\u0660\u0667", "x001/x234/067/"]
)
def test_a_number_that_is_written_in_another_way_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no number"):
        tiles.number_of(path)
