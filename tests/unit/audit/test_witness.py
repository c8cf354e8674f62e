"""What a witness of ours cosigns, and what it refuses. Source of the statuses: C2SP tlog-witness."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from audit.signing.checkpoint import Checkpoint
from audit.signing.key_limits import LimitedKey
from audit.signing.keys import SignerKeys
from audit.signing.notes import COSIGNATURE, BadNote, Note, SigningKey, parse_note, parse_signatures
from audit.tree.merkle import EMPTY_ROOT, Hash, consistency_path, leaf_hash, node_hash, root
from audit.witnesses.seen_trees import SeenTrees
from audit.witnesses.submission import Submission
from audit.witnesses.witness import CheckpointWitness
from tests.support.vectors import LOG_SEED, ORIGIN, WITNESS_NAME, WITNESS_SEED

KEYS = SignerKeys(ORIGIN, LOG_SEED)
KEY = SigningKey(WITNESS_NAME, WITNESS_SEED, type=COSIGNATURE)
OTHER = SigningKey(ORIGIN, WITNESS_SEED)
NOW = 1_800_000_000


def node(level: int, index: int) -> Hash:
    if level == 0:
        return leaf_hash(f"leaf {index}".encode())
    return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))


def signed(size: int, *, origin: str = ORIGIN, of: Hash | None = None, key: SigningKey | None = None) -> Note:
    """A checkpoint of the tree of the leaves above."""
    text = Checkpoint(origin, size, of or (root(size, node) if size else EMPTY_ROOT)).text
    return Note(text, (key.sign(text),)) if key is not None else KEYS.sign(text, time=NOW)


def submission(old: int, size: int, path: Sequence[Hash] | None = None, note: Note | None = None) -> bytes:
    if path is None:
        path = consistency_path(old, size, node) if 0 < old <= size else ()
    return str(Submission(old, tuple(path), note or signed(size))).encode()


@pytest.fixture
def witness(tmp_path: Path) -> CheckpointWitness:
    return opened(tmp_path)


def opened(folder: Path) -> CheckpointWitness:
    return CheckpointWitness(KEY, [LimitedKey(KEYS.log)], SeenTrees(folder / "seen"), now=lambda: NOW + 0.5)


def test_a_tree_that_grows_is_cosigned_with_a_time(witness: CheckpointWitness) -> None:
    for old, size in ((0, 3), (3, 7), (7, 7), (7, 300)):
        answer = witness.add_checkpoint(submission(old, size))
        assert answer.status == 200, answer
        note = Note(signed(size).text, tuple(parse_signatures(answer.text)))
        assert note.signed_at(KEY.verifier) == NOW


def test_what_was_cosigned_outlives_the_process_and_is_served(tmp_path: Path) -> None:
    opened(tmp_path).add_checkpoint(submission(0, 7))
    again = opened(tmp_path)
    assert again.add_checkpoint(submission(0, 7)).text == "7\n"
    served = again.checkpoint(hashlib.sha256(ORIGIN.encode()).hexdigest())
    note = parse_note(served.text)
    assert (served.status, note.text) == (200, signed(7).text)
    assert note.signed_by(KEYS.log)
    assert note.signed_at(KEY.verifier) == NOW
    assert [each.name for each in note.signatures] == [ORIGIN, WITNESS_NAME], "only what was checked"
    assert again.checkpoint(hashlib.sha256(b"another").hexdigest()).status == 404


FORK = signed(9, of=bytes(32))
REFUSED: dict[str, tuple[bytes, int]] = {
    "no submission": (b"", 400),
    "not text": (b"\xff\xfe", 400),
    "no old size": (submission(7, 9).replace(b"old 7", b"new 7"), 400),
    "a size with a leading zero": (submission(7, 9).replace(b"old 7", b"old 07"), 400),
    "an old size above the new": (submission(8, 7), 400),
    "too many hashes": (submission(7, 9, [bytes(32)] * 64), 400),
    "a short hash": (submission(7, 9).replace(b"old 7\n", b"old 7\n" + base64.b64encode(b"short") + b"\n"), 400),
    "a checkpoint without signatures": (submission(7, 9).rsplit(b"\n\n", 1)[0] + b"\n", 400),
    "another log": (submission(0, 9, note=signed(9, origin="other.example/audit/1", key=OTHER)), 404),
    "an unknown key": (submission(7, 9, note=signed(9, key=OTHER)), 403),
    "a known key that does not fit": (submission(7, 9, note=Note(signed(9).text, signed(8).signatures)), 403),
    "a smaller old size": (submission(3, 9), 409),
    "a larger old size": (submission(8, 9), 409),
    "first contact again": (submission(0, 9), 409),
    "another root": (submission(7, 9, note=FORK), 422),
    "another root of the same size": (submission(7, 7, note=signed(7, of=bytes(32))), 422),
    "a proof that leads elsewhere": (submission(7, 9, [bytes(32)] * 3), 422),
    "no proof": (submission(7, 9, []), 422),
}


@pytest.mark.parametrize("what", REFUSED)
def test_anything_else_is_refused_and_moves_nothing(witness: CheckpointWitness, what: str) -> None:
    assert witness.add_checkpoint(submission(0, 7)).status == 200
    body, status = REFUSED[what]
    answer = witness.add_checkpoint(body)
    assert answer.status == status, answer
    if status == 409:
        assert (answer.text, answer.content_type) == ("7\n", "text/x.tlog.size")
    assert witness.add_checkpoint(submission(7, 9)).status == 200


def test_the_first_tree_needs_no_proof_and_an_empty_one_its_own_root(witness: CheckpointWitness) -> None:
    assert witness.add_checkpoint(submission(0, 7, [bytes(32)])).status == 422
    assert witness.add_checkpoint(submission(0, 0, note=signed(0, of=bytes(32)))).status == 422
    assert witness.add_checkpoint(submission(0, 0)).status == 200
    assert witness.add_checkpoint(submission(0, 7)).status == 200


@pytest.mark.parametrize("text", ["old 1", "old x\n\na\n1\n", f"old {1 << 63}\n\n{signed(7)}"])
def test_a_submission_that_is_none_is_not_read(text: str) -> None:
    with pytest.raises(BadNote):
        Submission.parse(text)


def test_a_key_that_was_seen_to_be_replaced_signs_no_larger_tree(tmp_path: Path) -> None:
    after = SignerKeys(ORIGIN, bytes(32))
    logs = [LimitedKey(KEYS.log), LimitedKey(after.log)]

    def opened_with_both() -> CheckpointWitness:
        return CheckpointWitness(KEY, logs, SeenTrees(tmp_path / "seen"), now=lambda: NOW)

    witness = opened_with_both()
    assert witness.add_checkpoint(submission(0, 3)).status == 200
    assert witness.add_checkpoint(submission(3, 7, note=after.sign(signed(7).text, time=NOW))).status == 200
    witness = opened_with_both()
    assert witness.add_checkpoint(submission(7, 7)).status == 200, "up to there, the key before may sign"
    assert witness.add_checkpoint(submission(7, 7, note=after.sign(signed(7).text, time=NOW))).status == 200
    refused = witness.add_checkpoint(submission(7, 8))
    assert (refused.status, "was replaced" in refused.text) == (403, True), refused
    assert witness.add_checkpoint(submission(7, 8, note=after.sign(signed(8).text, time=NOW))).status == 200
