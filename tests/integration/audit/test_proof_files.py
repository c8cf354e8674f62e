"""Proof files are checked offline by the script of the standard library, and refused when anything in them is wrong."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from audit.append_only_file import AppendOnlyFile
from audit.proofs import proving
from audit.proofs.proof import Proof
from audit.proofs.proving import NotProvable
from audit.signing.anchor import AnchorFile
from audit.signing.checkpoint import Checkpoint
from audit.signing.keys import SignerKeys
from audit.signing.notes import COSIGNATURE, Note, SigningKey
from audit.signing.signer import Signer
from audit.witnesses.cosigning import Witnesses
from domain.room.messages import PostMessage
from domain.values import ClientId, RoomId
from tests.integration.audit.test_signing import NOON, SEED
from tests.integration.audit.test_tree_growth import ADD, ORIGIN, connection, grown
from tests.support.given_when_then import ADA
from tests.support.realtime.server import ROOT
from tests.support.signing import CHANGES, ring
from tests.support.store import open_store

__all__ = ["connection"]

SCRIPT = ROOT / "audit" / "verify.py"
KEYS = SignerKeys(ORIGIN, SEED)
WITNESS = SigningKey("witness.example/w1", bytes(range(0x20, 0x40)), type=COSIGNATURE)
NO_TEXT = "the words in the file are not a text"
POLICY = f"log {KEYS.log}\nwitness time {KEYS.time}\nquorum time\n"
TWO_QUORUM = f"log {KEYS.log}\nwitness time {KEYS.time}\nwitness w {WITNESS.verifier}\ngroup g all time w\nquorum g\n"
WORDS = "Nothing is lost. \u202e \U0001f9ed"


@dataclass(frozen=True)
class Checked:
    """What the script said."""

    code: int
    said: str


Check = Callable[..., Checked]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Runs the script on a proof, without this project on its path."""

    def run(proof: Proof | str, policy: str = POLICY) -> Checked:
        (tmp_path / "message.tlog-proof").write_text(str(proof))
        (tmp_path / "policy.txt").write_text(policy)
        ran = subprocess.run(
            [sys.executable, "-I", SCRIPT, "message.tlog-proof", "--policy", "policy.txt"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return Checked(ran.returncode, ran.stdout + ran.stderr)

    return run


@pytest.fixture
async def room_id(connection: asyncpg.Connection, database_url: str, tmp_path: Path) -> AsyncIterator[RoomId]:
    """A room in a log of some hundred events, with a message at version 3, all of it in a checkpoint."""
    await connection.execute(ADD, "before", 100)
    async with open_store(database_url) as store:
        room = await store.open_room()
        await store.chat.post_message(PostMessage(room, ADA, WORDS, ClientId("a key")))
        await connection.execute(ADD, "after", 400)
        await sign(connection, tmp_path)
        yield room


async def sign(connection: asyncpg.Connection, folder: Path) -> None:
    anchor = AnchorFile(AppendOnlyFile(folder / "anchor.jsonl"))
    signer = Signer(anchor, ring(SEED), CHANGES, Witnesses(()), now=lambda: NOON)
    assert await signer.sign(await grown(connection), connection) is not None


def signed(proof: Proof, *, origin: str = ORIGIN, size: int | None = None, root: bytes | None = None) -> Proof:
    """The proof below another checkpoint, which is signed as ours are."""
    was = Checkpoint.parse(proof.checkpoint.text)
    text = Checkpoint(origin, was.size if size is None else size, root or was.root).text
    return replace(proof, checkpoint=KEYS.sign(text, time=int(NOON.timestamp())))


def opening(proof: Proof, **changes: object) -> Proof:
    """The proof with another opening."""
    return replace(proof, extra=json.dumps({**json.loads(proof.extra), **changes}).encode())


async def test_a_proof_says_who_said_what_when_and_where(
    connection: asyncpg.Connection, room_id: RoomId, check: Check
) -> None:
    proof = await proving.prove_version(room_id, 3, connection)
    assert Proof.parse(str(proof)) == proof
    checked = check(proof)
    assert checked.code == 0, checked.said
    position = await connection.fetchval("SELECT notification_id FROM stored_events WHERE originator_version = 3")
    for part in (
        "VERIFIED",
        "message_added",
        f"user {ADA}",
        f"room      {room_id}, version 3",
        f"position {position}, entry 102 of 503 in {ORIGIN}",
        f"time, {NOON.isoformat()}",
        r'"Nothing is lost. \u202e 🧭"',
    ):
        assert part in checked.said


async def test_every_event_has_a_proof_also_one_that_nobody_can_read(
    connection: asyncpg.Connection, room_id: RoomId, check: Check
) -> None:
    positions = [row[0] for row in await connection.fetch("SELECT notification_id FROM stored_events ORDER BY 1")]
    for position in (*positions[:2], *positions[99:104], *positions[255:258], positions[-1]):
        checked = check(await proving.prove_position(position, connection))
        assert checked.code == 0, checked.said


async def test_words_that_were_erased_are_not_in_the_proof_and_the_rest_still_holds(
    connection: asyncpg.Connection, room_id: RoomId, check: Check
) -> None:
    await connection.execute("ALTER TABLE bodies DISABLE TRIGGER USER")
    await connection.execute("DELETE FROM bodies WHERE stream = $1 AND version = 3", room_id)
    checked = check(await proving.prove_version(room_id, 3, connection))
    assert checked.code == 0, checked.said
    assert "not in this file: erased, or withheld" in checked.said


async def test_what_is_not_there_or_not_signed_yet_has_no_proof(
    connection: asyncpg.Connection, room_id: RoomId
) -> None:
    with pytest.raises(NotProvable, match="no such event"):
        await proving.prove_version(room_id, 99, connection)
    await connection.execute(ADD, "unsigned", 1)
    last = await connection.fetchval("SELECT max(notification_id) FROM stored_events")
    with pytest.raises(NotProvable, match="not in a checkpoint yet"):
        await proving.prove_position(last, connection)
    await grown(connection)
    with pytest.raises(NotProvable, match="not in a checkpoint yet"):
        await proving.prove_position(last, connection)


async def test_each_thing_that_is_wrong_is_refused_with_its_own_words(
    connection: asyncpg.Connection, room_id: RoomId, check: Check
) -> None:
    proof = await proving.prove_version(room_id, 3, connection)
    other = await proving.prove_version(room_id, 2, connection)
    stranger = SignerKeys(ORIGIN, bytes(32))
    salt = base64.b64encode(bytes(32)).decode()
    text = str(proof)
    altered_note = Note(proof.checkpoint.text.replace("503", "504"), proof.checkpoint.signatures)
    refused: list[tuple[str, Checked]] = [
        ("not in the tree", check(signed(proof, root=bytes(32)))),
        ("which the policy does not name", check(signed(proof, origin="chat.example/audit/2"))),
        ("not signed with a key of the log", check(proof, POLICY.replace(str(KEYS.log), str(stranger.log)))),
        ("lacks cosignatures", check(proof, TWO_QUORUM)),
        ("length that index and size ask for", check(replace(proof, index=500))),
        ("not in the tree", check(replace(proof, index=proof.index + 1))),
        ("outside a tree of 0", check(signed(proof, size=0))),
        ("outside a tree of 503", check(replace(proof, index=503))),
        ("does not fit", check(replace(proof, checkpoint=altered_note))),
        ("no signature", check(text[: text.index("\n\n\u2014") + 1])),
        ("two openings", check(text.replace("index ", "extra e30=\nindex ", 1))),
        ("no opening", check(replace(proof, extra=b""))),
        ("not in the tree", check(replace(proof, extra=other.extra))),
        ("not in the tree", check(opening(proof, version=4))),
        ("not in the tree", check(opening(proof, state=base64.b64encode(b"{}").decode()))),
        ("not one of an entry", check(opening(proof, position=-1))),
        ("not one of an entry", check(opening(proof, topic=None))),
        ("not those that the log holds", check(opening(proof, body={"salt": salt, "content": WORDS}))),
        ("not those that the log holds", check(opening(proof, body={"salt": salt, "content": ""}))),
        *((NO_TEXT, check(opening(proof, body=body))) for body in (5, {}, {"content": 5, "salt": salt})),
        (NO_TEXT, check(opening(proof, body={"salt": salt, "content": "\ud800"}))),
        ("not a proof file", check("hello\n")),
        ("the policy", check(proof, "log x\n")),
        ("the policy", check(proof, POLICY.replace("quorum time", ""))),
    ]
    assert [(why, checked.said) for why, checked in refused if why not in checked.said] == []
    assert {checked.code for _, checked in refused} == {1}


async def test_an_erased_body_that_is_shown_as_present_is_refused(
    connection: asyncpg.Connection, room_id: RoomId, check: Check
) -> None:
    proof = await proving.prove_version(room_id, 3, connection)
    body = json.loads(proof.extra)["body"]
    unsealed = await proving.prove_version(room_id, 2, connection)
    for changed in (opening(proof, body={**body, "content": "I never said this"}), opening(unsealed, body=body)):
        checked = check(changed)
        assert checked.code == 1
        assert "not those that the log holds a commitment to" in checked.said


async def test_what_stands_in_the_log_adds_no_line_to_what_is_shown(
    connection: asyncpg.Connection, check: Check, tmp_path: Path
) -> None:
    at = {"_type_": "datetime_iso", "_data_": "2026\nseen by   witness.example, 2020-01-01 \u202e"}
    state = json.dumps({"timestamp": at, "content": "(no words)"}).encode()
    insert = "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES ($1, 1, $2, $3)"
    await connection.execute(insert, UUID(int=1), "message_added\nwho  user 7", state)
    await connection.execute(insert, UUID(int=2), "x", b"{}")
    await sign(connection, tmp_path)
    checked = check(await proving.prove_version(UUID(int=1), 1, connection))
    assert checked.code == 0, checked.said
    verdict, *shown = checked.said.splitlines()
    assert verdict == "VERIFIED"
    heads = ["kind      ", "who       ", "when      ", "room      ", "place     ", "seen by   ", "words     "]
    assert [line[:10] for line in shown] == heads
    assert shown[2] == r"when      2026\nseen by   witness.example, 2020-01-01 \u202e"
    assert shown[-1] == 'words     "(no words)"'
    empty = check(await proving.prove_version(UUID(int=2), 1, connection))
    assert empty.said.splitlines()[-1] == "words     (no words)", "what nobody said is in no quotes"


async def test_the_script_ends_quietly_when_its_reader_has_gone(
    connection: asyncpg.Connection, room_id: RoomId, check: Check, tmp_path: Path
) -> None:
    assert check(await proving.prove_version(room_id, 3, connection)).code == 0
    ran = into_a_closed_pipe(tmp_path)
    assert (ran.returncode, ran.stderr) == (0, b"")
    (tmp_path / "policy.txt").write_text("quorum none\n")
    assert into_a_closed_pipe(tmp_path).returncode == 1


def into_a_closed_pipe(folder: Path) -> subprocess.CompletedProcess[bytes]:
    """The script on the files that `check` left."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run(
            [sys.executable, "-I", SCRIPT, "message.tlog-proof", "--policy", "policy.txt"],
            cwd=folder,
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writing)


def test_the_script_can_be_read_in_one_sitting() -> None:
    assert len(SCRIPT.read_text().splitlines()) < 300
