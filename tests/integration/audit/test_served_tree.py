"""The service keeps the tree of its log, signs it and serves it; proofs of it are checked offline."""

import asyncio
import hashlib
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from audit.proofs.proof import Proof
from audit.signing.checkpoint import Checkpoint
from audit.signing.notes import parse_note
from audit.tree.merkle import Frontier
from audit.tree.tiles import split
from cli.main import main
from tests.integration.conftest import Visit
from tests.support.conditions import eventually
from tests.support.people import Person
from tests.support.realtime.server import ROOT

CHECKPOINT = "/audit/1/checkpoint"
WORDS = "Nothing is lost."


async def signed(person: Person) -> Checkpoint:
    """The newest checkpoint that is served."""
    answer = await person.get(CHECKPOINT)
    assert answer.status == 200, answer.raw
    assert "text/plain" in answer.headers["Content-Type"]
    return Checkpoint.parse(parse_note(answer.raw.decode()).text)


async def signed_at(size: int, person: Person) -> Checkpoint:
    """The newest checkpoint, as soon as it covers so many events."""

    async def is_there() -> bool:
        return (await person.get(CHECKPOINT)).status == 200 and (await signed(person)).size >= size

    await eventually(is_there)
    return await signed(person)


async def test_what_is_served_leads_from_entries_to_the_signed_root(
    ada: Person, visit: Visit, server: TestServer, database_url: str
) -> None:
    room = await ada.open_room("General")
    for number in range(300):
        await ada.post(f"/api/rooms/{room}/messages/", {"content": f"message {number}"})
    checkpoint = await signed_at(302, ada)
    full = await ada.get("/audit/1/tile/0/000")
    rest = await ada.get(f"/audit/1/tile/0/001.p/{checkpoint.size - 256}")
    assert "immutable" in full.headers["Cache-Control"]
    frontier = Frontier()
    for leaf in (*split(full.raw), *split(rest.raw)):
        frontier.add(leaf)
    assert (frontier.size, frontier.root()) == (checkpoint.size, checkpoint.root)
    above = await ada.get("/audit/1/tile/1/000.p/1")
    first = Frontier()
    for leaf in split(full.raw):
        first.add(leaf)
    assert above.raw == first.root()

    admin = await visit("grace")
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE users SET role = 'admin' WHERE username = 'grace'")
    await connection.close()
    await admin.log_in("grace")
    entries = (await admin.get("/audit/1/tile/entries/000.p/3")).raw
    leaves = []
    while entries:
        length = int.from_bytes(entries[:2], "big")
        leaves.append(hashlib.sha256(b"\x00" + entries[2 : 2 + length]).digest())
        entries = entries[2 + length :]
    assert leaves == split(full.raw)[:3]


@pytest.mark.parametrize(
    "path",
    [
        "/audit/2/checkpoint",
        "/audit/0/checkpoint",
        "/audit/1/tile/0/000",
        "/audit/1/tile/0/000.p/0",
        "/audit/1/tile/0/000.p/256",
        "/audit/1/tile/0/000.p/200",
        "/audit/1/tile/1/000.p/1",
        "/audit/1/tile/64/000.p/1",
        "/audit/1/tile/0/x000/000.p/1",
        "/audit/1/tile/0/0.p/1",
        "/audit/1/tile/0/999.p/1",
    ],
)
async def test_what_no_checkpoint_covers_is_not_served(ada: Person, path: str) -> None:
    await ada.open_room("General")
    await signed_at(2, ada)
    assert (await ada.get(path)).status == 404


async def test_members_get_the_proof_of_what_they_may_read(ada: Person, bob: Person, tmp_path: Path) -> None:
    room = await ada.open_room("General")
    await bob.post(f"/api/rooms/{room}/join/")
    said = (await ada.post(f"/api/rooms/{room}/messages/", {"content": WORDS})).body["id"]
    edited = (await ada.request("PATCH", f"/api/rooms/{room}/messages/{said}/", {"content": "Little is lost."})).body
    proof = f"/api/rooms/{room}/messages/{said}/proof/"
    await signed_at(5, ada)
    for of, words in ((said, WORDS), (edited["room"]["version"], "Little is lost.")):
        answer = await bob.get(f"{proof}?of={of}")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{room}-{of}.tlog-proof"'
        assert words in Proof.parse(answer.raw.decode()).extra.decode()
        assert f"{proof}?of={of}" in (await bob.get(f"/rooms/{room}/messages/{said}/")).raw.decode()
    assert (await bob.get(f"{proof}?of=2")).status == 404
    await ada.post(f"/api/rooms/{room}/messages/{said}/retract/", {"why": ""})
    assert (await bob.get(proof)).status == 404, "what was retracted is for its author"
    assert (await ada.get(proof)).status == 200
    later = (await ada.post(f"/api/rooms/{room}/messages/", {"content": "Just now."})).body["id"]
    answer = await ada.get(f"/api/rooms/{room}/messages/{later}/proof/")
    assert answer.status == 200 or (answer.status, answer.body["code"]) == (409, "not_provable")


async def test_entries_are_for_auditors(ada: Person) -> None:
    await ada.open_room("General")
    await signed_at(2, ada)
    assert (await ada.get("/audit/1/tile/entries/000.p/1")).status == 403


async def test_the_commands_give_what_the_script_checks(ada: Person, database_url: str, tmp_path: Path) -> None:
    room = await ada.open_room("General")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": WORDS})
    await signed_at(3, ada)
    environment = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)}

    def onrecord(*arguments: str, code: int = 0) -> str:
        ran = CliRunner().invoke(main, arguments, env=environment, catch_exceptions=False)
        assert ran.exit_code == code, ran.output
        return ran.output if code else ran.stdout

    proof, policy = tmp_path / "general.tlog-proof", tmp_path / "policy.txt"
    await asyncio.to_thread(onrecord, "audit", "prove", "General", "3", "-o", str(proof))
    policy.write_text(await asyncio.to_thread(onrecord, "audit", "key"), encoding="utf-8")
    command = [sys.executable, "-I", str(ROOT / "audit" / "verify.py"), str(proof), "--policy", str(policy)]
    checked = await asyncio.to_thread(lambda: subprocess.run(command, capture_output=True, text=True, check=False))
    assert checked.returncode == 0, checked.stderr
    assert f"room      {room}, version 3" in checked.stdout
    assert WORDS in checked.stdout
    by_command = await asyncio.to_thread(onrecord, "audit", "verify", str(proof), "--policy", str(policy))
    assert by_command == checked.stdout
    proof.write_text(proof.read_text(encoding="utf-8").replace("index ", "index 9", 1), encoding="utf-8")
    refused = await asyncio.to_thread(onrecord, "audit", "verify", str(proof), "--policy", str(policy), code=1)
    assert "REFUSED   index 9" in refused

    assert "all of it fits" in await asyncio.to_thread(onrecord, "audit", "verify")
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE messages SET version = 99 WHERE version = 3")
    await connection.execute("ALTER TABLE bodies DISABLE TRIGGER USER; UPDATE bodies SET content = 'I never said this'")
    await connection.close()
    found = await asyncio.to_thread(onrecord, "audit", "verify", code=1)
    assert f"FOUND  position 3 (stream {room}, version 3): its words are not those that were recorded" in found
    assert "FOUND  read model messages: the row" in found
