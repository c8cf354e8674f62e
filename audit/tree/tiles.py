"""Tiles: the hashes of the tree in pieces 256 wide, which never change once they are full. Source: C2SP tlog-tiles.

Tile N of level L holds nodes of level 8 * L, from index 256 * N on. Levels in between are computed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from audit.tree import merkle
from audit.tree.merkle import Hash

HEIGHT = 8
WIDTH = merkle.TILE
HASH_BYTES = merkle.HASH_BYTES
TILE_BYTES = WIDTH * HASH_BYTES
HIGHEST_LEVEL = 63


@dataclass(frozen=True, slots=True, order=True)
class TileId:
    """Which tile: its level, counted in steps of eight, and its place there."""

    level: int
    number: int


def tiles_of(nodes: Iterable[tuple[int, int]]) -> set[TileId]:
    """The tiles from which nodes can be computed, given by level and index."""
    return {_tile_of(level, index)[0] for level, index in nodes}


def _tile_of(level: int, index: int) -> tuple[TileId, int, int]:
    """The tile, and the first hash there and how many that a node is computed from."""
    above = level % HEIGHT
    first = index << above
    return TileId(level // HEIGHT, first // WIDTH), first % WIDTH, 1 << above


def node_in(tiles: Mapping[TileId, bytes], level: int, index: int) -> Hash:
    """A node, computed from the tile that covers it. Raises KeyError for a tile that is not given or too short."""
    tile, first, count = _tile_of(level, index)
    hashes = tiles[tile][first * HASH_BYTES : (first + count) * HASH_BYTES]
    if len(hashes) != count * HASH_BYTES:
        raise KeyError(tile)
    return merkle.fold(hashes)


def cut(first: TileId, hashes: bytes) -> dict[TileId, bytes]:
    """The tiles that hold these, one behind the other, from the beginning of `first` on."""
    starts = enumerate(range(0, len(hashes), TILE_BYTES), start=first.number)
    return {TileId(first.level, number): hashes[at : at + TILE_BYTES] for number, at in starts}


def nodes_above(tiles: Iterable[bytes]) -> bytes:
    """The nodes above those of these tiles that are full, one behind the other."""
    return b"".join(merkle.fold(tile) for tile in tiles if len(tile) == TILE_BYTES)


def split(tile: bytes) -> list[Hash]:
    """The hashes of a tile."""
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]


def width_at(tile: TileId, size: int) -> int:
    """How many hashes a tile has in a tree of `size` leaves."""
    return max(0, min(WIDTH, (size >> HEIGHT * tile.level) - tile.number * WIDTH))


def path_of(number: int) -> str:
    """A tile's number as it stands in paths: groups of three digits, all but the last with an `x`."""
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03}")
    return "/".join(reversed(groups))


def number_of(path: str) -> int:
    """The number that stands in a path. Raises ValueError unless it is written as `path_of` writes it."""
    number = 0
    for group in path.split("/"):
        digits = group.removeprefix("x")
        if not (len(digits) == 3 and digits.isascii() and digits.isdigit()):
            raise ValueError(f"{path} is no number of a tile")
        number = number * 1000 + int(digits)
    if path_of(number) != path:
        raise ValueError(f"{path} is no number of a tile")
    return number
