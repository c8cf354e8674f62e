"""What programs of others made of the same rows: x/mod/sumdb, torchwood. How: tests/support/others/vectors.py."""

import hashlib
from pathlib import Path

import pytest

from audit.proofs.proof import Proof
from audit.signing.checkpoint import Checkpoint
from audit.signing.key_limits import LimitedKey
from audit.signing.notes import COSIGNATURE, Note, SigningKey, VerifierKey, parse_note
from audit.tree import merkle, tiles
from audit.tree.entries import bundle
from audit.tree.merkle import leaf_hash
from audit.tree.tiles import TileId
from audit.verify import TrustPolicy
from audit.verify import check as check_proof
from audit.witnesses.seen_trees import SeenTrees
from audit.witnesses.submission import Submission
from audit.witnesses.witness import CheckpointWitness
from eventstore.generation import event_hash
from eventstore.values import Position, Version
from tests.support.others import vectors
from tests.support.others.vectors import COUNT, PROVEN, row_at
from tests.support.vectors import LOG_KEY, LOG_SEED, ORIGIN, WITNESS_KEY, WITNESS_NAME, WITNESS_SEED

MADE = vectors.read()
ROWS = [row_at(index) for index in range(COUNT)]
LEAVES = [event_hash(Position(row.position), row.stream, Version(row.version), row.topic, row.state) for row in ROWS]
CHECKPOINTS = {int(size): note for size, note in MADE["checkpoints"].items()}


def grown() -> dict[TileId, bytes]:
    """The tiles of all leaves, as the service makes them."""
    made: dict[TileId, bytes] = {}
    level, hashes = 0, b"".join(LEAVES)
    while hashes:
        cut = tiles.cut(TileId(level, 0), hashes)
        made |= cut
        level, hashes = level + 1, tiles.nodes_above(cut.values())
    return made


TILES = grown()


def node(level: int, index: int) -> bytes:
    return tiles.node_in(TILES, level, index)


def test_the_keys_are_theirs() -> None:
    assert (MADE["log_key"], MADE["witness_key"]) == (LOG_KEY, WITNESS_KEY)


def test_their_leaves_are_the_hashes_of_our_entries() -> None:
    assert [leaf_hash(row.entry) for row in ROWS] == LEAVES


def test_their_tiles_and_entries_are_ours_byte_for_byte() -> None:
    ours = {}
    for tile, hashes in TILES.items():
        width = len(hashes) // tiles.HASH_BYTES
        ours[f"tile/{tile.level}/{tiles.path_of(tile.number)}{suffix(width)}"] = hashes
    for first in range(0, COUNT, tiles.WIDTH):
        rows = ROWS[first : first + tiles.WIDTH]
        ours[f"tile/entries/{tiles.path_of(first // tiles.WIDTH)}{suffix(len(rows))}"] = bundle(rows)
    assert {path: hashlib.sha256(data).hexdigest() for path, data in ours.items()} == MADE["tiles"]


def suffix(width: int) -> str:
    return "" if width == tiles.WIDTH else f".p/{width}"


@pytest.mark.parametrize("size", CHECKPOINTS)
def test_their_checkpoints_are_ours_to_the_last_byte_of_the_signature(size: int) -> None:
    text = Checkpoint(ORIGIN, size, merkle.root(size, node)).text
    assert str(Note(text, (SigningKey(ORIGIN, LOG_SEED).sign(text),))) == CHECKPOINTS[size]


def test_their_paths_are_ours() -> None:
    for made in MADE["inclusion"]:
        path = merkle.inclusion_path(made["index"], made["size"], node)
        assert [in_base64(each) for each in path] == made["path"], made
    for made in MADE["consistency"]:
        path = merkle.consistency_path(made["old"], made["size"], node)
        assert [in_base64(each) for each in path] == made["path"], made


def in_base64(raw: bytes) -> str:
    return Checkpoint("any", 1, raw).text.split("\n")[2]


def test_their_cosignature_is_read_and_says_when() -> None:
    note = parse_note(MADE["cosigned"])
    assert note.text == parse_note(CHECKPOINTS[COUNT]).text
    assert note.signed_by(VerifierKey.parse(LOG_KEY))
    assert (note.signed_at(VerifierKey.parse(WITNESS_KEY)) or 0) > 1_700_000_000


def test_a_witness_of_ours_cosigns_what_their_proofs_show_to_be_one_history(tmp_path: Path) -> None:
    key = SigningKey(WITNESS_NAME, WITNESS_SEED, type=COSIGNATURE)
    seen = SeenTrees(tmp_path / "seen.sqlite")
    witness = CheckpointWitness(key, [LimitedKey(VerifierKey.parse(LOG_KEY))], seen, now=lambda: 7)
    assert witness.add_checkpoint(f"old 0\n\n{CHECKPOINTS[1]}".encode()).status == 200
    size = 1
    for made in MADE["consistency"]:
        if made["old"] == size:
            hashes = "".join(f"{each}\n" for each in made["path"])
            request = f"old {size}\n{hashes}\n{CHECKPOINTS[made['size']]}"
            assert str(Submission.parse(request)) == request, "ours is written the same way"
            assert witness.add_checkpoint(request.encode()).status == 200, made
            size = made["size"]
    assert size > tiles.WIDTH


def test_a_proof_file_that_they_made_is_checked_by_our_script() -> None:
    proof = Proof.parse(MADE["proof"])
    assert str(proof) == MADE["proof"]
    assert proof.path == tuple(merkle.inclusion_path(PROVEN, COUNT, node))
    policy = TrustPolicy(f"log {LOG_KEY}\nquorum none\n")  # type: ignore[no-untyped-call]
    shown = list(check_proof(MADE["proof"], policy))  # type: ignore[no-untyped-call]
    assert 'words     "Nothing is lost."' in shown
