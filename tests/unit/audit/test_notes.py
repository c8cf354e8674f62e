"""Notes and checkpoints are those of C2SP; the keys are vectors of the format's own document."""

import pytest

from audit.signing.checkpoint import Checkpoint
from audit.signing.notes import COSIGNATURE, BadNote, Note, SigningKey, VerifierKey, parse_note
from audit.tree.merkle import leaf_hash
from tests.support.vectors import LOG_KEY, LOG_SEED, ORIGIN, WITNESS_KEY, WITNESS_NAME, WITNESS_SEED

LOG = SigningKey(ORIGIN, LOG_SEED)
WITNESS = SigningKey(WITNESS_NAME, WITNESS_SEED, type=COSIGNATURE)
CHECKPOINT = Checkpoint(ORIGIN, 744, leaf_hash(b"any"))
SIGNED = Note(CHECKPOINT.text, (LOG.sign(CHECKPOINT.text), WITNESS.sign(CHECKPOINT.text, time=1_800_000_000)))


def test_the_keys_of_the_vectors_are_written_as_there() -> None:
    assert str(LOG.verifier) == LOG_KEY
    assert str(WITNESS.verifier) == WITNESS_KEY
    assert VerifierKey.parse(LOG_KEY) == LOG.verifier
    assert VerifierKey.parse(f" {WITNESS_KEY}\n") == WITNESS.verifier


def test_a_note_is_read_back_and_says_who_signed_it_and_when() -> None:
    note = parse_note(str(SIGNED))
    assert note == SIGNED
    assert Checkpoint.parse(note.text) == CHECKPOINT
    assert note.signed_by(LOG.verifier)
    assert note.signed_at(WITNESS.verifier) == 1_800_000_000


def test_an_unknown_signer_is_ignored() -> None:
    assert not SIGNED.signed_by(SigningKey("another.example", LOG_SEED).verifier)
    assert not SIGNED.signed_by(SigningKey(ORIGIN, WITNESS_SEED).verifier)


@pytest.mark.parametrize("key", [LOG, WITNESS], ids=["log", "witness"])
def test_a_known_signer_whose_signature_does_not_fit_spoils_the_note(key: SigningKey) -> None:
    altered = Note(SIGNED.text.replace("744", "745"), SIGNED.signatures)
    with pytest.raises(BadNote, match="does not fit"):
        altered.signed_by(key.verifier)


def test_a_cosignature_covers_its_time() -> None:
    note = parse_note(str(SIGNED))
    signature = note.signatures[1]
    later = (1_800_000_001).to_bytes(8, "big") + signature.raw[8:]
    with pytest.raises(BadNote, match="does not fit"):
        WITNESS.verifier.check(note.text, later)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text\n",
        "text\n\n",
        str(SIGNED).rstrip("\n"),
        str(SIGNED).replace("\u2014", "-"),
        str(SIGNED).replace("\u2014 " + ORIGIN, "\u2014 a+b"),
        str(SIGNED).replace("744", "7\r44"),
        f"{SIGNED}junk\n",
    ],
)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        parse_note(text)


@pytest.mark.parametrize(
    "text",
    ["", "a\n", "a\n1\n", "\n1\nAA==\n", "a\n-1\nAA==\n", "a\n01\nAA==\n", "a\n1\nAA==\n", "a\n1\n!\n", "a\n1\nAA=="],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "text", ["", "a", "a+b", "a+00000000+AA==", LOG_KEY.replace("37b4", "37b5"), LOG_KEY[:-4], f"x {LOG_KEY}"]
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        VerifierKey.parse(text)
