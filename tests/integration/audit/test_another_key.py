"""Another key signs the log: an event names it, the key before signs one more tree, and from then on no larger one."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import msgspec
import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result

from api.settings import Settings
from api.wiring import create_tree_keeping, open_core
from audit.append_only_file import AppendOnlyFile
from audit.proofs.proof import Proof
from audit.signing.anchor import AnchorFile
from audit.signing.checkpoint import Checkpoint
from audit.signing.epoch_keys import read_epoch_keys
from audit.signing.keys import SignerKeys
from audit.signing.notes import VerifierKey, parse_note
from audit.signing.signer import KeyMissing
from audit.tree import store
from cli.main import main
from tests.integration.audit.test_killed import WAITS
from tests.integration.audit.test_served_tree import WORDS, signed_at
from tests.integration.audit.test_tree_growth import ADD
from tests.integration.conftest import StartServer
from tests.support.conditions import eventually
from tests.support.people import Person
from tests.support.realtime.server import ROOT
from tests.support.restored_log import Backup

ORIGIN = "chat.example/audit/1"
OLD, NEW = bytes(range(32)), bytes(range(32, 64))
OLD_KEYS, NEW_KEYS = SignerKeys(ORIGIN, OLD), SignerKeys(ORIGIN, NEW)
WHY = "the machine was sold"
TOKEN = "a token for auditors, of some length"
ACTIONS = "SELECT count(*) FROM operator_actions WHERE subject = $1"
KEEP = """
import asyncio
from api.settings import Settings
from api.wiring import create_tree_keeping, open_core

async def keep():
    settings = Settings.from_environment()
    async with open_core(settings) as core:
        await create_tree_keeping(settings, core.database).keep()

asyncio.run(keep())
"""
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
    """With the key of now, and the next one."""
    keys = {"audit_key": OLD.hex(), "audit_next_key": NEW.hex(), "audit_token": TOKEN}
    return msgspec.structs.replace(settings, audit_origin="chat.example/audit", **keys)


@pytest.fixture
def operator(settings: Settings) -> Operator:
    keys = {"AUDIT_KEY": OLD.hex(), "AUDIT_NEXT_KEY": NEW.hex(), "AUDIT_ANCHOR": str(settings.anchor_file)}
    names = {"DATABASE_URL": settings.database_url, "DATA_DIR": settings.data_dir, **keys}
    return Operator(Path(settings.data_dir), names)


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


async def rotated(ada: Person, operator: Operator) -> None:
    """A log of five events, which the next key signs."""
    room = await ada.open_room("General")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": WORDS})
    await signed_at(3, ada)
    ran = await operator.types("audit", "rotate", "--why", WHY)
    assert ran.exit_code == 0, ran.output
    await signs(NEW_KEYS, ada, size=5)


async def test_what_a_thief_of_the_key_before_signs_later_is_refused_everywhere(
    ada: Person, operator: Operator, connection: asyncpg.Connection
) -> None:
    await rotated(ada, operator)
    policy, good = await operator.policy("policy.txt"), operator.folder / "good.tlog-proof"
    assert (await operator.types("audit", "prove", "General", "3", "-o", str(good))).exit_code == 0
    proof = Proof.parse(good.read_text())
    _, checkpoint = await served(ada)
    kept = operator.folder / "kept"
    kept.mkdir()
    for size, is_refused in ((5, False), (6, True)):
        stolen = OLD_KEYS.sign(replace(checkpoint, size=size).text, time=7)
        (kept / "stolen").write_text(str(stolen))
        verified = await operator.types("audit", "verify", "--from", str(kept))
        assert ("signed with a key that was replaced" in verified.stdout) == is_refused, verified.output
        file = operator.folder / "stolen.tlog-proof"
        file.write_text(str(replace(proof, checkpoint=stolen)))
        assert ("a key that was replaced" in script(file, policy).stderr) == is_refused


async def test_the_monitor_remembers_which_key_was_replaced(
    server: TestServer, ada: Person, operator: Operator, connection: asyncpg.Connection
) -> None:
    await ada.open_room("General")
    await signed_at(2, ada)
    policy = await operator.policy("policy.txt", "--next")
    arguments = ["--policy", str(policy), "--receipt", str(operator.folder / "receipt.json")]

    async def monitored() -> Result:
        return await operator.types("audit", "monitor", str(server.make_url("/audit/1")), *arguments, AUDIT_TOKEN=TOKEN)

    assert (await monitored()).exit_code == 0
    assert (await operator.types("audit", "rotate", "--why", WHY)).exit_code == 0
    await signs(NEW_KEYS, ada, size=4)
    for _ in range(2):
        ran = await monitored()
        assert ran.exit_code == 0, ran.output
    await connection.execute(ADD, "more", 1)
    await signs(NEW_KEYS, ada, size=5)
    await store.stop_epoch(1, "the thief signs now", connection)
    _, checkpoint = await served(ada)
    stolen = str(OLD_KEYS.sign(checkpoint.text, time=7))
    await connection.execute("UPDATE audit_checkpoints SET note = $1 WHERE size = 5", stolen)
    ran = await monitored()
    assert (ran.exit_code, "signed with a key that was replaced" in ran.output) == (1, True), ran.output


async def test_who_says_in_the_database_that_another_key_signs_is_found(
    ada: Person, operator: Operator, connection: asyncpg.Connection
) -> None:
    await rotated(ada, operator)
    stranger = SignerKeys(ORIGIN, bytes(32))
    change = "UPDATE audit_keys SET log_key = $1 WHERE number = 1"
    await connection.execute(change, str(stranger.log))
    verified = await operator.types("audit", "verify", AUDIT_KEY=NEW.hex(), AUDIT_NEXT_KEY="")
    assert f"the key {stranger.log.short} is in the database, and no event says so" in verified.stdout
    await connection.execute(change, str(OLD_KEYS.log))
    verified = await operator.types("audit", "verify", AUDIT_KEY=NEW.hex(), AUDIT_NEXT_KEY="")
    assert verified.exit_code == 0, verified.output


async def test_a_server_with_the_key_before_alone_signs_no_more_and_says_so(
    operator: Operator, settings: Settings, connection: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_core(settings) as core:
        both = create_tree_keeping(settings, core.database)
        old = create_tree_keeping(msgspec.structs.replace(settings, audit_next_key=""), core.database)
        await connection.execute(ADD, "rows", 3)
        await old.keep()
        assert (await operator.types("audit", "rotate", "--why", WHY)).exit_code == 0
        waiting = await operator.types("audit", "rotate", "--why", WHY)
        assert (waiting.exit_code, "it waits for a checkpoint" in waiting.output) == (1, True), waiting.output
        await old.keep()
        with pytest.raises(KeyMissing, match=re.escape(NEW_KEYS.log.short)):
            await old.keep()
        await both.keep()
        await connection.execute(ADD, "more", 3)
        running = asyncio.create_task(old.run())

        async def is_said() -> bool:
            return "this process signs no checkpoint any more" in caplog.text and NEW_KEYS.log.short in caplog.text

        await eventually(is_said)
        running.cancel()
        await asyncio.wait([running])
        await both.keep()
        published = await store.read_checkpoint(1, connection)
        assert published is not None
        assert (published.size, parse_note(published.note).signed_by(NEW_KEYS.log)) == (8, True)


async def test_a_key_that_was_generated_is_replaced_by_one_that_is(
    start_server: StartServer, operator: Operator
) -> None:
    server = await start_server(audit_key="", audit_next_key="")
    operator.environment |= {"AUDIT_KEY": "", "AUDIT_NEXT_KEY": ""}
    async with Person(server.make_url("/")) as ada:
        await ada.sign_up("ada")
        room = await ada.open_room("General")
        await ada.post(f"/api/rooms/{room}/messages/", {"content": WORDS})
        await signed_at(3, ada)
        file, next_file = operator.folder / "audit_key", operator.folder / "audit_next_key"
        before = file.read_text()
        other = await operator.types("audit", "rotate", "--why", WHY, AUDIT_KEY=OLD.hex(), AUDIT_NEXT_KEY=NEW.hex())
        assert (other.exit_code, "no event says so" in other.output) == (1, True), other.output
        ran = await operator.types("audit", "rotate", "--why", WHY)
        assert ran.exit_code == 0, ran.output

        async def is_settled() -> bool:
            return not next_file.exists()

        await eventually(is_settled)
        assert file.read_text() != before
        assert file.stat().st_mode & 0o077 == 0
        fresh = SignerKeys(ORIGIN, bytes.fromhex(file.read_text()))
        assert ran.stdout.strip() == str(fresh.log)
        note = parse_note((await ada.get("/audit/1/checkpoint")).raw.decode())
        assert note.signed_by(fresh.log)
        assert (await operator.types("audit", "verify")).exit_code == 0
        repeated = await operator.types("audit", "rotate", "--why", WHY)
        assert (repeated.exit_code, repeated.stdout.strip()) == (0, str(fresh.log)), repeated.output
        assert "This is done" in repeated.stderr
        assert not next_file.exists()
        assert (await operator.types("audit", "rotate", "--why", "again")).exit_code == 0


async def test_after_a_backup_from_before_the_change_the_next_epoch_is_signed_with_the_key_that_signed_last(
    ada: Person, operator: Operator, database_url: str
) -> None:
    room = await ada.open_room("General")
    await signed_at(2, ada)
    backup = await Backup.take(database_url)
    await ada.post(f"/api/rooms/{room}/messages/", {"content": WORDS})
    assert (await operator.types("audit", "rotate", "--why", WHY)).exit_code == 0
    await signs(NEW_KEYS, ada, size=5)
    await backup.restore()
    await backup.discard()
    operator.environment |= {"AUDIT_KEY": NEW.hex(), "AUDIT_NEXT_KEY": ""}

    async def is_begun() -> bool:
        return (await operator.types("audit", "restart", "--why", "the fire of Monday")).exit_code == 0

    await eventually(is_begun)
    expected = SignerKeys(ORIGIN.replace("/1", "/2"), NEW)

    async def is_signed() -> bool:
        answer = await ada.get("/audit/2/checkpoint")
        return answer.status == 200 and parse_note(answer.raw.decode()).signed_by(expected.log)

    await eventually(is_signed)


async def test_a_key_that_is_lost_ends_its_epoch(
    operator: Operator, settings: Settings, connection: asyncpg.Connection
) -> None:
    operator.environment["AUDIT_NEXT_KEY"] = ""
    async with open_core(settings) as core:
        old = create_tree_keeping(msgspec.structs.replace(settings, audit_next_key=""), core.database)
        another = msgspec.structs.replace(settings, audit_key=NEW.hex(), audit_next_key="")
        new = create_tree_keeping(another, core.database)
        await connection.execute(ADD, "rows", 3)
        await old.keep()
        at_hand = await operator.types("audit", "restart", "--key-lost", "--why", "it is not lost")
        assert (at_hand.exit_code, "`onrecord audit rotate`" in at_hand.output) == (1, True), at_hand.output
        operator.environment["AUDIT_KEY"] = NEW.hex()
        for command in ("restart", "rotate"):
            assert (await operator.types("audit", command, "--why", WHY)).exit_code == 1
        assert (await operator.types("audit", "restart", "--key-lost", "--why", WHY)).exit_code == 0
        with pytest.raises(KeyMissing):
            await old.keep()
        await new.keep()
        published = await store.read_checkpoint(2, connection)
        assert published is not None
        assert parse_note(published.note).signed_by(SignerKeys(ORIGIN.replace("/1", "/2"), NEW).log)


@pytest.mark.parametrize(
    ("table", "recorded"),
    [("operator_actions", 0), ("stored_events", 0), ("audit_keys", 1)],
    ids=["before it is on record", "before the event", "after the event"],
)
async def test_a_change_that_is_killed_is_completed_by_the_next(
    table: str, recorded: int, operator: Operator, settings: Settings, connection: asyncpg.Connection
) -> None:
    """In the last case, the command has ended, and it is the service that is killed before it has changed the keys."""
    async with open_core(settings) as core:
        keeping = create_tree_keeping(settings, core.database)
        await connection.execute(ADD, "rows", 3)
        await keeping.keep()
    if table == "audit_keys":
        assert (await operator.types("audit", "rotate", "--why", WHY)).exit_code == 0
        typed = [sys.executable, "-c", KEEP]
    else:
        typed = [sys.executable, "-c", "from cli.main import main; main()", "audit", "rotate", "--why", WHY]
    environment = {**operator.environment, "AUDIT_ORIGIN": "chat.example/audit"}
    async with connection.transaction():  # whoever writes to the table waits at that step
        await connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        process = await asyncio.create_subprocess_exec(*typed, cwd=ROOT, env=environment)

        async def waits() -> bool:
            assert process.returncode is None, "it has ended"
            return bool(await connection.fetch(WAITS))

        await eventually(waits)
        process.kill()
        await process.wait()
        await connection.execute(f"SELECT pg_terminate_backend(pid, 60000) FROM ({WAITS}) AS waiting")
    assert await connection.fetchval(CHANGES) == recorded
    if not recorded:
        assert (await operator.types("audit", "rotate", "--why", WHY)).exit_code == 0
    assert await connection.fetchval(CHANGES) == 1
    assert await connection.fetchval(ACTIONS, f"key {NEW_KEYS.log.short}") == 1
    async with open_core(settings) as core:
        keeping = create_tree_keeping(settings, core.database)
        await keeping.keep()
        await keeping.keep()
    published = await store.read_checkpoint(1, connection)
    assert published is not None
    assert parse_note(published.note).signed_by(NEW_KEYS.log)
    assert [each.log for each in await read_epoch_keys(1, connection)] == [OLD_KEYS.log, NEW_KEYS.log]
    verified = await operator.types("audit", "verify")
    assert verified.exit_code == 0, verified.output
