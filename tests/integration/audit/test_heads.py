"""Heads: a signed statement by which others know that an export is all that there was."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import asyncpg
import msgspec
import pytest
from click.testing import CliRunner

from api.settings import Settings
from audit.heads.statement import HeadsFile
from audit.signing.keys import SignerKeys
from cli.main import main
from domain.custody import CUSTODY_ID
from tests.integration.audit.test_served_tree import signed_at
from tests.support.people import Person

SEED = bytes(range(32))
ORIGIN = "chat.example/audit"
KEYS = SignerKeys(f"{ORIGIN}/1", SEED)

Onrecord = Callable[..., Awaitable[str]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a key, and a name."""
    return msgspec.structs.replace(settings, audit_key=SEED.hex(), audit_origin=ORIGIN)


@pytest.fixture
def onrecord(database_url: str, tmp_path: Path) -> Onrecord:
    """Runs a command; returns what it prints."""
    environment = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), "AUDIT_KEY": SEED.hex()}

    async def run(*arguments: str | Path, code: int = 0) -> str:
        words = [str(each) for each in arguments]
        ran = await asyncio.to_thread(CliRunner(env=environment).invoke, main, words, catch_exceptions=False)
        assert ran.exit_code == code, ran.output
        return ran.output if code else ran.stdout

    return run


@pytest.fixture
async def rooms(ada: Person) -> dict[str, str]:
    """Two rooms, of 5 events and of 3, all in a checkpoint."""
    made = {name: await ada.open_room(name) for name in ("General", "Bugs")}
    for name, count in (("General", 3), ("Bugs", 1)):
        for number in range(count):
            await ada.post(f"/api/rooms/{made[name]}/messages/", {"content": f"message {number}"})
    await signed_at(8, ada)
    return made


@pytest.fixture
async def policy(onrecord: Onrecord, rooms: dict[str, str], tmp_path: Path) -> Path:
    file = tmp_path / "policy.txt"
    file.write_text(await onrecord("audit", "key"))
    return file


async def test_a_statement_names_the_newest_version_of_every_room(
    rooms: dict[str, str], onrecord: Onrecord, policy: Path, tmp_path: Path
) -> None:
    file = tmp_path / "all.heads"
    assert "streams in 8 events" in await onrecord("audit", "heads", "-o", file)
    shown = await onrecord("audit", "verify", file, "--policy", policy)
    assert shown.startswith("VERIFIED")
    assert f"{ORIGIN}/1, 8 events" in shown
    assert f"head      {rooms['General']}, version 5" in shown
    assert f"head      {rooms['Bugs']}, version 3" in shown
    assert HeadsFile.parse(file.read_text()).heads.is_all
    file.write_text(file.read_text().replace(f"{rooms['General']} 5", f"{rooms['General']} 4"))
    assert "REFUSED   a signature of" in await onrecord("audit", "verify", file, "--policy", policy, code=1)


async def test_a_statement_can_be_of_some_rooms(
    rooms: dict[str, str], onrecord: Onrecord, policy: Path, tmp_path: Path
) -> None:
    file = tmp_path / "bugs.heads"
    await onrecord("audit", "heads", "Bugs", "-o", file)
    shown = await onrecord("audit", "verify", file, "--policy", policy)
    assert "heads     some, 1 streams" in shown
    assert rooms["General"] not in shown


async def test_an_export_is_known_to_be_all_and_one_that_lacks_events_is_not(
    ada: Person, rooms: dict[str, str], onrecord: Onrecord, policy: Path, tmp_path: Path
) -> None:
    export, heads = tmp_path / "log.jsonl", tmp_path / "log.jsonl.heads"
    await ada.post(f"/api/rooms/{rooms['Bugs']}/messages/", {"content": "Perhaps not in a checkpoint yet."})
    assert "the heads of its first" in await onrecord("events", "export", "--with-heads", export)
    check = ("audit", "verify", heads, "--policy", policy, "--export", export)
    assert "log.jsonl has all of it" in await onrecord(*check)
    cut = export.read_bytes().splitlines(keepends=True)
    export.write_bytes(b"".join(cut[:-2]) + cut[-1])
    assert "is not what its manifest says" in await onrecord(*check, code=1)
    export.write_bytes(b"".join((cut[0], *cut[1:5], manifest(cut[:5]))))
    assert "there are 4 events, and a tree of" in await onrecord(*check, code=1)
    without = [cut[0], *cut[1:4], *cut[5:-1]]
    export.write_bytes(b"".join((*without, manifest(without))))
    assert "REFUSED" in await onrecord(*check, code=1)


def manifest(lines: list[bytes]) -> bytes:
    """The last line of an export of these."""
    positions = [json.loads(line)["position"] for line in lines[1:]]
    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    fields = {"first": positions[0], "last": positions[-1], "events": len(positions), "sha256": digest}
    return json.dumps(fields).encode() + b"\n"


async def test_nothing_is_stated_of_a_log_that_was_altered(
    rooms: dict[str, str], onrecord: Onrecord, database_url: str, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("ALTER TABLE stored_events DISABLE TRIGGER USER")
    await connection.execute("UPDATE stored_events SET originator_version = 9 WHERE originator_version = 5")
    await connection.close()
    file = tmp_path / "all.heads"
    assert "the log is not the one of which 8 events were signed" in await onrecord(
        "audit", "heads", "-o", file, code=1
    )
    assert not file.exists()


async def test_statements_that_others_kept_are_compared_with_the_log(
    ada: Person, rooms: dict[str, str], onrecord: Onrecord, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    await onrecord("audit", "heads", "-o", kept / "true.heads")
    await ada.post(f"/api/rooms/{rooms['Bugs']}/messages/", {"content": "Later."})
    await signed_at(9, ada)
    assert "all of it fits" in await onrecord("audit", "verify", "--from", kept)
    true = HeadsFile.parse((kept / "true.heads").read_text())
    lie = replace(true.heads, versions={**true.heads.versions, CUSTODY_ID: 7})
    (kept / "lie.heads").write_text(str(replace(true, statement=KEYS.sign(lie.text, time=7))))
    (kept / "cut.heads").write_text("onrecord/heads/v1\n")
    found = await onrecord("audit", "verify", "--from", kept, code=1)
    assert f"FOUND  lie.heads: stream {CUSTODY_ID} ends with version" in found
    assert "FOUND  cut.heads: the statement cannot be trusted" in found
    assert found.count("FOUND") == 2
