"""Another key signs the log: an event names it, the key before signs one more tree, and no larger one counts from then on."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner, Result

from api.settings import Settings
from audit.append_only_file import AppendOnlyFile
from audit.signing.anchor import AnchorFile
from audit.signing.checkpoint import Checkpoint
from audit.signing.epoch_keys import read_epoch_keys
from audit.signing.keys import SignerKeys
from audit.signing.notes import VerifierKey, parse_note
from cli.main import main
from tests.integration.audit.test_served_tree import WORDS, signed_at
from tests.support.conditions import eventually
from tests.support.people import Person
from tests.support.realtime.server import ROOT

ORIGIN = "chat.example/audit/1"
OLD, NEW = bytes(range(32)), bytes(range(32, 64))
OLD_KEYS, NEW_KEYS = SignerKeys(ORIGIN, OLD), SignerKeys(ORIGIN, NEW)
WHY = "the machine was sold"
ACTIONS = "SELECT count(*) FROM operator_actions WHERE subject = $1"
CHANGES = "SELECT count(*) FROM stored_events WHERE topic = 'audit_key_changed'"


@dataclass
class Operator:
    """A shell, with the secrets that it has."""

    folder: Path
    environment: dict[str, str]

    async def types(self, *arguments: str, **environment: str) -> Result:
        runner = CliRunner(env={**self.environment, **environment})
        return await asyncio.to_thread(runner.invoke, main, arguments)

    async def policy(self, name: str, *arguments: str) -> Path:
        ran = await self.types("audit", "key", *arguments)
        assert ran.exit_code == 0, ran.output
        (self.folder / name).write_text(ran.stdout)
        return self.folder / name


def script(proof: Path, policy: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(ROOT / "audit" / "verify.py"), str(proof), "--policy", str(policy)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    import msgspec

    return msgspec.structs.replace(
        settings, audit_key=OLD.hex(), audit_origin="chat.example/audit", audit_next_key=NEW.hex()
    )


@pytest.fixture
def operator(database_url: str, tmp_path: Path) -> Operator:
    names = {
        "DATABASE_URL": database_url,
        "DATA_DIR": str(tmp_path),
        "AUDIT_KEY": OLD.hex(),
        "AUDIT_NEXT_KEY": NEW.hex(),
    }
    return Operator(tmp_path, names)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


async def served(person: Person) -> tuple[VerifierKey | None, Checkpoint]:
    """Which key the served checkpoint is signed with, and the checkpoint."""
    note = parse_note((await person.get("/audit/1/checkpoint")).raw.decode())
    keys = [each.log for each in (OLD_KEYS, NEW_KEYS) if note.signed_by(each.log)]
    return keys[0] if keys else None, Checkpoint.parse(note.text)


async def signs(keys: SignerKeys, person: Person, *, size: int) -> None:
    async def is_signed() -> bool:
        key, checkpoint = await served(person)
        return (key, checkpoint.size) == (keys.log, size)

    await eventually(is_signed)


async def test_the_key_before_signs_the_event_and_the_next_one_alone_from_then_on(
    ada: Person, operator: Operator, connection: asyncpg.Connection, settings: Settings
) -> None:
    room = await ada.open_room("General")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": WORDS})
    await signed_at(3, ada)
    old_proof, new_proof = operator.folder / "old.tlog-proof", operator.folder / "new.tlog-proof"
    assert (await operator.types("audit", "prove", "General", "3", "-o", str(old_proof))).exit_code == 0
    only_old = await operator.policy("only-old.txt")
    before = await operator.policy("before.txt", "--next")
    rotated = await operator.types("audit", "rotate", "--why", WHY)
    assert (rotated.exit_code, rotated.stdout.strip()) == (0, str(NEW_KEYS.log)), rotated.output
    await signs(NEW_KEYS, ada, size=5)  # the record of custody is opened, and the key changed
    await ada.post(f"/api/rooms/{room}/messages/", {"content": "Signed with the next key."})
    await signs(NEW_KEYS, ada, size=6)
    signed = [parse_note(each.note) for each in AnchorFile(AppendOnlyFile(settings.anchor_file)).read()]
    by_old = [note.signed_by(OLD_KEYS.log) for note in signed]
    assert by_old == sorted(by_old, reverse=True), "never back"
    last = max(Checkpoint.parse(note.text).size for note in signed if note.signed_by(OLD_KEYS.log))
    assert [(each.log, each.until) for each in await read_epoch_keys(1, connection)] == [
        (OLD_KEYS.log, last),
        (NEW_KEYS.log, None),
    ]
    assert last == 5

    after = await operator.policy("after.txt")
    assert f"#until {OLD_KEYS.log.short} 5\n" in after.read_text()
    assert (await operator.types("audit", "prove", "General", "4", "-o", str(new_proof))).exit_code == 0
    for policy in (only_old, before, after):
        assert script(old_proof, policy).returncode == 0, policy
    assert script(new_proof, only_old).returncode == 1
    for policy in (before, after):
        assert script(new_proof, policy).returncode == 0, policy
    verified = await operator.types("audit", "verify")
    assert verified.exit_code == 0, verified.output
    assert await connection.fetchval(ACTIONS, f"key {NEW_KEYS.log.short}") == 1
    again = await operator.types("audit", "rotate", "--why", WHY, AUDIT_KEY=NEW.hex())
    assert (again.exit_code, "has signed already" in again.output) == (1, True), again.output
    listed = await operator.types("events", "list", "--json")
    assert '"audit_key_changed"' in listed.stdout
    assert WHY in listed.stdout
