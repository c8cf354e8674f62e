"""kill -9 at each step of the signing, of `audit restart` and of `audit witness`: what comes after is one history."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from aiohttp.test_utils import TestServer

from audit.append_only_file import AppendOnlyFile
from audit.signing.anchor import AnchorFile
from audit.signing.checkpoint import Checkpoint
from audit.signing.epoch_keys import read_epoch_keys
from audit.signing.keeping import TreeKeeping
from audit.signing.key_change import state_change
from audit.signing.keys import SignerKeys
from audit.signing.notes import VerifierKey, parse_note
from audit.signing.signer import Signer
from audit.tree import store
from audit.tree.merkle import Frontier
from audit.tree.store import Published
from audit.witnesses.standing import read_standings
from audit.witnesses.submission import Submission
from domain.custody import CUSTODY_ID, Custody
from eventstore.generation import event_hash
from postgres.database import Database
from tests.integration.audit.test_tree_growth import ADD, ORIGIN, ROWS, connection, frontier_of_rows, grown
from tests.integration.audit.test_witnesses import WITNESS_KEY, witness_app
from tests.support import dying_signer
from tests.support.conditions import eventually
from tests.support.realtime.server import ROOT
from tests.support.signing import CHANGES, ring
from tests.support.vectors import LOG_SEED, WITNESS_NAME
from tests.support.witness_process import WitnessProcess, witnessing

__all__ = ["connection"]

pytestmark = pytest.mark.timeout(900)

KEYS = SignerKeys(ORIGIN, LOG_SEED)
NEXT_SEED = bytes(range(64, 96))
NEXT_KEYS = SignerKeys(ORIGIN, NEXT_SEED)
PATIENCE_S = 120.0
ADD_EVENT = "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES ($1, 1, $2, $3)"
WAITS = """
SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE datname = current_database() AND NOT granted
"""
ACTIONS = "SELECT count(*) FROM operator_actions WHERE subject = $1"
RESTARTED = "SELECT convert_from(state, 'utf8')::jsonb ->> 'epoch' FROM stored_events WHERE topic = 'audit_restarted'"


@pytest.fixture
async def witness_url(tmp_path: Path) -> AsyncIterator[str]:
    async with TestServer(witness_app(tmp_path)) as server:
        yield str(server.make_url("/"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await Database.connect(database_url, size=2)
    yield opened
    await opened.close()


async def signed_at(size: int, keeping: TreeKeeping, connection: asyncpg.Connection) -> Published:
    """The checkpoint of so many events: the lock of a process that was killed may last for a moment."""

    async def is_signed() -> bool:
        await keeping.keep()
        found = await store.read_checkpoint(1, connection)
        return found is not None and found.size == size

    await eventually(is_signed, timeout_s=PATIENCE_S)
    found = await store.read_checkpoint(1, connection)
    assert found is not None
    return found


def keeping(database: Database, anchor: Path, witness_url: str, *secrets: bytes) -> TreeKeeping:
    """A process that keeps the tree, as it is after its start."""
    witnesses = dying_signer.witnesses(witness_url)
    lines = AnchorFile(AppendOnlyFile(anchor))
    signer = Signer(lines, ring(*(secrets or (LOG_SEED,))), CHANGES, witnesses, now=lambda: datetime.now(UTC))
    return TreeKeeping(database, signer, "")


@pytest.mark.parametrize("step", dying_signer.STEPS)
async def test_a_process_that_is_killed_while_it_signs_is_continued_by_the_next(
    step: str, connection: asyncpg.Connection, database_url: str, database: Database, witness_url: str, tmp_path: Path
) -> None:
    anchor = tmp_path / "anchor.jsonl"
    await connection.execute(ADD, "first", 300)
    await signed_at(300, keeping(database, anchor, witness_url), connection)
    await connection.execute(ADD, "second", 10)
    arguments = [sys.executable, "-m", "tests.support.dying_signer", database_url, str(anchor), witness_url, step]
    dying = await asyncio.create_subprocess_exec(*arguments, cwd=ROOT)
    assert await dying.wait() == -signal.SIGKILL
    await connection.execute(ADD, "third", 5)

    published = await signed_at(315, keeping(database, anchor, witness_url), connection)
    assert parse_note(published.note).signed_at(WITNESS_KEY.verifier), await read_standings(1, connection)
    anchored = AnchorFile(AppendOnlyFile(anchor)).read()
    leaves = [event_hash(row[0], row[1], row[2], row[3] or "", row[4] or b"") for row in await connection.fetch(ROWS)]
    for note in (*(each.note for each in anchored), published.note):
        tree = Frontier()
        checkpoint = Checkpoint.parse(parse_note(note).text)
        for leaf in leaves[: checkpoint.size]:
            tree.add(leaf)
        assert (checkpoint.origin, checkpoint.root) == (ORIGIN, tree.root())
    was_anchored = step in ("written", "anchored", "cosigned", "published")
    assert [each.checkpoint.size for each in anchored] == [300, *([310] if was_anchored else []), 315]
    epoch = await store.read_epoch(connection)
    assert epoch is not None
    assert (epoch.size, epoch.stopped_why) == (315, None)


@pytest.mark.parametrize("step", dying_signer.STEPS)
async def test_a_process_that_is_killed_while_it_hands_over_to_another_key_is_continued_by_the_next(
    step: str, connection: asyncpg.Connection, database_url: str, database: Database, witness_url: str, tmp_path: Path
) -> None:
    anchor = tmp_path / "anchor.jsonl"
    await connection.execute(ADD, "first", 300)
    await signed_at(300, keeping(database, anchor, witness_url), connection)
    state = json.dumps({"statement": str(state_change(KEYS, NEXT_KEYS))}).encode()
    await connection.execute(ADD_EVENT, CUSTODY_ID, Custody.AuditKeyChanged.TOPIC, state)
    arguments = [sys.executable, "-m", "tests.support.dying_signer", database_url, str(anchor), witness_url, step]
    dying = await asyncio.create_subprocess_exec(*arguments, cwd=ROOT)
    assert await dying.wait() == -signal.SIGKILL
    await connection.execute(ADD, "third", 5)

    both = keeping(database, anchor, witness_url, LOG_SEED, NEXT_SEED)
    await signed_at(306, both, connection)
    await both.keep()
    published = await store.read_checkpoint(1, connection)
    assert published is not None
    assert (published.size, parse_note(published.note).signed_by(NEXT_KEYS.log)) == (306, True)
    first, second = await read_epoch_keys(1, connection)
    assert (first.log, second.log, second.until) == (KEYS.log, NEXT_KEYS.log, None)
    assert first.until == (301 if step == "published" else 306)
    notes = [parse_note(each.note) for each in AnchorFile(AppendOnlyFile(anchor)).read()]
    by_first = [note.signed_by(KEYS.log) for note in notes]
    assert by_first == sorted(by_first, reverse=True), "never back"
    assert all(Checkpoint.parse(note.text).size <= first.until for note in notes if note.signed_by(KEYS.log))


@pytest.mark.parametrize(
    ("table", "restarted"),
    [("operator_actions", []), ("stored_events", []), ("audit_epochs", ["2"]), ("audit_keys", ["2"])],
    ids=["before it is on record", "before the event", "before the epoch", "before its key"],
)
async def test_a_restart_that_is_killed_is_completed_by_the_next(
    table: str,
    restarted: list[str],
    connection: asyncpg.Connection,
    database_url: str,
    database: Database,
    witness_url: str,
    tmp_path: Path,
) -> None:
    anchor = tmp_path / "anchor.jsonl"
    await connection.execute(ADD, "rows", 3)
    await signed_at(3, keeping(database, anchor, witness_url), connection)
    await store.stop_epoch(1, "the log went back", connection)
    environment = {
        "DATABASE_URL": database_url,
        "DATA_DIR": str(tmp_path),
        "AUDIT_ANCHOR": str(anchor),
        "AUDIT_KEY": LOG_SEED.hex(),
        "DATABASE_TIMEOUT_S": str(PATIENCE_S),
    }

    @asynccontextmanager
    async def restarting() -> AsyncIterator[asyncio.subprocess.Process]:
        command = [sys.executable, "-c", "from cli.main import main; main()", "audit", "restart", "--why", "a fire"]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async with connection.transaction():  # whoever writes to the table waits at that step
        await connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        async with restarting() as process:

            async def waits() -> bool:
                assert process.returncode is None, "it has ended"
                return bool(await connection.fetch(WAITS))

            await eventually(waits, timeout_s=PATIENCE_S)
        await connection.execute(f"SELECT pg_terminate_backend(pid, 60000) FROM ({WAITS}) AS waiting")

    assert [row[0] for row in await connection.fetch(RESTARTED)] == restarted
    found = await store.read_epoch(connection)
    assert found is not None
    assert found.number == 1
    for code in (0, 1):
        async with restarting() as process:
            assert await process.wait() == code, "one that has begun is not begun again"
    assert [row[0] for row in await connection.fetch(RESTARTED)] == ["2"]
    assert await connection.fetchval(ACTIONS, "begin epoch 2") == 1
    found = await store.read_epoch(connection)
    assert found is not None
    assert (found.number, found.origin, found.stopped_why) == (2, ORIGIN.replace("/1", "/2"), None)
    await keeping(database, anchor, witness_url).keep()
    rows, again = await frontier_of_rows(connection), await store.read_checkpoint(2, connection)
    assert again is not None
    assert Checkpoint.parse(parse_note(again.note).text) == Checkpoint(found.origin, rows.size, rows.root())


async def test_a_witness_that_is_killed_knows_all_that_it_answered(
    connection: asyncpg.Connection, tmp_path: Path
) -> None:
    """It is killed while it answers one request after the other, and knows the last of them, or the one in flight."""
    logs, data = tmp_path / "logs.txt", tmp_path / "witness"
    logs.write_text(f"log {KEYS.log}\nquorum none\n")
    await connection.execute(ADD, "rows", 400)
    prepared = {old: await submission(old, old + 1, connection) for old in range(400)}
    answered, keys = 0, set()

    async def submit(old: int, url: str, http: aiohttp.ClientSession) -> tuple[int, str]:
        async with http.post(f"{url}add-checkpoint", data=str(prepared[old]).encode()) as answer:
            return answer.status, await answer.text()

    async def go_on(running: WitnessProcess, http: aiohttp.ClientSession) -> None:
        nonlocal answered
        name = VerifierKey.parse(running.key).name
        with contextlib.suppress(aiohttp.ClientError):
            while answered < max(prepared):
                status, line = await submit(answered, running.url, http)
                assert (status, f"\u2014 {name} " in line) == (200, True), line
                answered += 1

    async def has_answered() -> bool:
        return answered >= enough or going_on.done()

    for _ in range(2):
        async with witnessing(logs, WITNESS_NAME, data) as running, aiohttp.ClientSession() as http:
            keys.add(running.key)
            enough = answered + 5
            going_on = asyncio.create_task(go_on(running, http))
            await eventually(has_answered, timeout_s=PATIENCE_S)
            running.process.kill()
            await going_on
            await running.process.wait()
        async with witnessing(logs, WITNESS_NAME, data) as running, aiohttp.ClientSession() as http:
            status, known = await submit(0, running.url, http)
            assert status == 409, "it remembers that it cosigned"
            assert int(known) in (answered, answered + 1)
            answered = int(known)
    assert len(keys) == 1
    assert answered >= 10


async def submission(old: int, size: int, connection: asyncpg.Connection) -> Submission:
    """What a log of these rows asks a witness."""
    epoch = await grown(connection)
    root = Frontier(size, await store.peaks_of(epoch.number, size, connection)).root()
    path = await store.consistency_path(epoch.number, old, size, connection) if old else []
    return Submission(old, tuple(path), KEYS.sign(Checkpoint(ORIGIN, size, root).text, time=7))
