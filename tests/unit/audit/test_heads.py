"""Statements of heads: what is signed, what is trusted, and what an export is compared with."""

import base64
import hashlib
from dataclasses import replace
from uuid import UUID

import pytest

from audit.heads.heads_seen import HeadsSeen, differences
from audit.heads.statement import Heads, HeadsFile, is_heads_file
from audit.heads.trust import HeadsRefused, trusted_heads
from audit.proofs.policy import parse_policy
from audit.signing.checkpoint import Checkpoint
from audit.signing.keys import SignerKeys
from audit.signing.notes import BadNote, Note
from audit.tree.entries import Row
from audit.tree.merkle import leaf_hash
from eventstore.values import Position, Version
from tests.support.rfc6962 import mth
from tests.support.vectors import LOG_SEED, ORIGIN

KEYS = SignerKeys(ORIGIN, LOG_SEED)
STRANGER = SignerKeys(ORIGIN, bytes(32))
POLICY = parse_policy(f"log {KEYS.log}\nwitness time {KEYS.time}\nquorum time\n")
NOW = 1_800_000_000

GENERAL, BUGS = UUID(int=2), UUID(int=1)
ROWS = [
    (Position(1), GENERAL, Version(1), "room_opened", b"{}"),
    (Position(4), BUGS, Version(1), "room_opened", b"{}"),
    (Position(5), GENERAL, Version(2), "message_added", b"{}"),
]
ROOT = mth([leaf_hash(Row(*row).entry) for row in ROWS])
CHECKPOINT = Checkpoint(ORIGIN, 3, ROOT)
HEADS = Heads(CHECKPOINT, {GENERAL: 2, BUGS: 1}, is_all=True)


def signed(heads: Heads = HEADS, keys: SignerKeys = KEYS, checkpoint: Checkpoint = CHECKPOINT) -> HeadsFile:
    return HeadsFile(keys.sign(heads.text, time=NOW), KEYS.sign(checkpoint.text, time=NOW - 3))


def test_what_is_signed_is_written_as_the_document_says() -> None:
    assert HEADS.text == (
        f"onrecord/heads/v1\n{ORIGIN}\n3\n{base64.b64encode(ROOT).decode()}\nall 2\n"
        "00000000-0000-0000-0000-000000000001 1\n00000000-0000-0000-0000-000000000002 2\n"
    )
    assert replace(HEADS, versions={BUGS: 1}, is_all=False).text.split("\n")[4] == "some 1"


def test_a_file_is_read_back_and_trusted_by_the_keys_alone() -> None:
    text = str(signed())
    assert is_heads_file(text)
    assert str(HeadsFile.parse(text)) == text
    trusted = trusted_heads(HeadsFile.parse(text), POLICY)
    assert trusted.heads == HEADS
    assert (trusted.stated_at, trusted.cosigned_at) == ({"time": NOW}, {"time": NOW - 3})


def test_a_statement_is_no_checkpoint_and_a_checkpoint_no_statement() -> None:
    with pytest.raises(BadNote):
        Checkpoint.parse(HEADS.text)
    with pytest.raises(BadNote):
        Heads.parse(CHECKPOINT.text)
    assert not is_heads_file(str(KEYS.sign(CHECKPOINT.text, time=NOW)))


OTHER = Checkpoint(ORIGIN, 3, hashlib.sha256(b"another tree").digest())


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (signed(keys=STRANGER), "the statement is not signed"),
        (HeadsFile(Note(HEADS.text, ()), signed().checkpoint), "the statement is not signed"),
        (
            replace(signed(), checkpoint=STRANGER.sign(CHECKPOINT.text, time=NOW)),
            "audit/1 is not signed with a key",
        ),
        (replace(signed(), checkpoint=Note(CHECKPOINT.text, signed().checkpoint.signatures[:1])), "too few witnesses"),
        (signed(checkpoint=OTHER), "not the one that it speaks of"),
        (signed(replace(HEADS, versions={GENERAL: 0})), "not written as one is"),
        (
            replace(signed(), statement=Note(HEADS.text.replace("02 2\n", "02 3\n"), signed().statement.signatures)),
            "fit",
        ),
    ],
    ids=["another key", "no key", "another checkpoint key", "no quorum", "another tree", "version 0", "altered"],
)
def test_what_is_not_signed_or_fits_no_checkpoint_is_refused(file: HeadsFile, why: str) -> None:
    with pytest.raises((HeadsRefused, BadNote), match=why):
        trusted_heads(file, POLICY)


TEXT = HEADS.text


@pytest.mark.parametrize(
    "text",
    [
        "",
        CHECKPOINT.text,
        TEXT.replace("v1", "v2"),
        TEXT.replace("all 2", "all 3"),
        TEXT.replace("all 2", "most 2"),
        TEXT.replace("000002 2", "000002 02"),
        TEXT.replace("000002 2", "000002"),
        TEXT.replace("00000000-", "00000000", 1),
        "\n".join((*TEXT.split("\n")[:5], *reversed(TEXT.split("\n")[5:-1]), "")),
        f"{TEXT}more\n",
        TEXT.rstrip("\n"),
    ],
)
def test_what_is_written_in_another_way_is_no_statement(text: str) -> None:
    with pytest.raises(BadNote):
        Heads.parse(text)


def test_rows_are_compared_with_what_is_stated() -> None:
    def found(rows: list[tuple[Position, UUID, Version, str, bytes]], heads: Heads = HEADS) -> list[str]:
        seen = HeadsSeen(heads.checkpoint.size)
        seen.add_all(iter(rows))
        return differences(heads, seen)

    later = (Position(9), BUGS, Version(2), "message_added", b"{}")
    assert found(ROWS) == found([*ROWS, later]) == []
    assert found(ROWS[:2]) == ["there are 2 events, and a tree of 3 was signed"]
    altered = [*ROWS[:2], (Position(5), GENERAL, Version(3), "message_added", b"{}")]
    assert found(altered) == [
        "the first 3 events are not those that were signed",
        f"stream {GENERAL} ends with version 3, and version 2 was stated",
    ]
    assert found(ROWS, replace(HEADS, versions={GENERAL: 2})) == [
        f"stream {BUGS} ends with version 1, and version 0 was stated"
    ]
    assert found(ROWS, replace(HEADS, versions={GENERAL: 2}, is_all=False)) == []
