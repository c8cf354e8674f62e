"""(l) The proof of the record: how fast the tree grows over a log that is there, a verification, a proof file."""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import psutil
from playwright.async_api import async_playwright

from api.wiring import create_fold, create_key_changes
from audit.append_only_file import AppendOnlyFile
from audit.proofs.proving import prove_position
from audit.signing.anchor import AnchorFile
from audit.signing.keeping import TreeKeeping
from audit.signing.key_ring import KeyRing
from audit.signing.keys import SignerKeys
from audit.signing.signer import Signer
from audit.tree import store
from audit.verify import TrustPolicy, check
from audit.witnesses.cosigning import Witnesses
from benchmarks.history import copy_history
from benchmarks.server import postgres, postgres_cpu_s, service
from benchmarks.tables import p50_p99, table
from eventstore.values import Position
from postgres.database import Database
from replay.progress import unwatched
from replay.rebuild.rebuild import rebuild
from tests.support.browser.chromium import SWITCHES, chromium

EVENTS = 1_000_000
SECRET = bytes(range(32))
PROOFS = 200
SCRIPT = Path(__file__).parents[1] / "audit" / "verify.py"

CHECK = """async ([file, keys, times]) => {
    const { checkProof } = await import("/static/onrecord/proof/proof.js");
    const seconds = [];
    for (let time = 0; time < times; time += 1) {
        const began = performance.now();
        await checkProof(file, [keys]);
        seconds.push((performance.now() - began) / 1000);
    }
    return seconds;
}"""


async def run() -> None:
    async with postgres() as dsn:
        await copy_history(dsn, EVENTS)
        with tempfile.TemporaryDirectory(prefix="onrecord-bench-") as folder:
            await _taking_in(dsn, Path(folder))
            await rebuild(create_fold(), dsn, unwatched)
            await _verifying(dsn, Path(folder))
            await _proofs(dsn, Path(folder))


def _signer(folder: Path) -> Signer:
    anchor = AnchorFile(AppendOnlyFile(folder / "anchor.jsonl"))
    keys, changes = KeyRing(lambda: [SECRET]), create_key_changes()
    return Signer(anchor, keys, changes, Witnesses(()), now=lambda: datetime.now(UTC))


async def _taking_in(dsn: str, folder: Path) -> None:
    database = await Database.connect(dsn, size=2, timeout_s=600)
    rows = []
    for name, signer in (("the tiles", None), ("rows and tiles compared, signed", _signer(folder))):
        before, database_before, began = time.process_time(), await postgres_cpu_s(dsn), time.perf_counter()
        await TreeKeeping(database, signer, "").keep()
        took, cpu = time.perf_counter() - began, time.process_time() - before
        database_cpu = await postgres_cpu_s(dsn) - database_before
        rows.append((name, f"{took:.1f} s", f"{EVENTS / took:,.0f}", f"{cpu:.1f} s", f"{database_cpu:.1f} s"))
    await database.close()
    columns = ("an existing log is taken in", "took", "leaves/s", "CPU, Python", "CPU, PostgreSQL")
    table(f"The tree over a log of {EVENTS:,} events", columns, rows)


async def _verifying(dsn: str, folder: Path) -> None:
    environment = {
        "DATABASE_URL": dsn,
        "DATA_DIR": str(folder),
        "AUDIT_ANCHOR": str(folder / "anchor.jsonl"),
        "AUDIT_KEY": SECRET.hex(),
    }
    rows = []
    for name, arguments in (("everything", ()), ("--since last", ("--since", "last"))):
        database_before, began = await postgres_cpu_s(dsn), time.perf_counter()
        program = Path(sys.executable).with_name("onrecord")
        process = await asyncio.create_subprocess_exec(
            program,
            "audit",
            "verify",
            *arguments,
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        watching = asyncio.create_task(_memory(process.pid))
        assert await process.wait() == 0
        took, memory = time.perf_counter() - began, await watching
        database_cpu = await postgres_cpu_s(dsn) - database_before
        rows.append((name, f"{took:.1f} s", f"{database_cpu:.1f} s", f"{memory >> 20} MB"))
    columns = ("`onrecord audit verify`", "took", "CPU, PostgreSQL", "memory at most")
    table(f"A verification of {EVENTS:,} events", columns, rows)


async def _memory(pid: int) -> int:
    """The most memory that a process had, until it ends."""
    most = 0
    try:
        while (process := psutil.Process(pid)).status() != psutil.STATUS_ZOMBIE:
            most = max(most, process.memory_info().rss)
            await asyncio.sleep(0.2)
    except psutil.NoSuchProcess:
        pass
    return most


async def _proofs(dsn: str, folder: Path) -> None:
    connection = await asyncpg.connect(dsn)
    epoch = await store.read_epoch(connection)
    assert epoch is not None
    keys = SignerKeys(epoch.origin, SECRET)
    made, files = [], []
    for number in range(PROOFS):
        began = time.perf_counter()
        proof = await prove_position(Position(1 + number * (EVENTS // PROOFS)), connection)
        made.append(time.perf_counter() - began)
        files.append(str(proof))
    await connection.close()
    sizes = sorted(len(each) for each in files)
    print(f"\nA proof file has {statistics.median(sizes):,.0f} bytes (median), {sizes[-1]:,} at most.")
    policy = f"log {keys.log}\nwitness time {keys.time}\nquorum time\n"
    checked = []
    for each in files:
        began = time.perf_counter()
        list(check(each, TrustPolicy(policy)))  # type: ignore[no-untyped-call]  # it is a script of its own
        checked.append(time.perf_counter() - began)
    rows = [("made", *p50_p99(made)), ("checked, in Python", *p50_p99(checked))]
    rows.append(
        ("checked, by `python3 verify.py`, from start to end", *p50_p99(await _by_script(folder, files, policy)))
    )
    rows.append(("checked, in the browser", *p50_p99(await _in_browser(dsn, files[-1], keys))))
    table(f"A proof in a tree of {EVENTS:,} events", ("a proof is", "p50", "p99"), rows)


async def _by_script(folder: Path, files: Sequence[str], policy: str) -> list[float]:
    (folder / "policy.txt").write_text(policy)
    seconds = []
    for each in files[:20]:
        (folder / "message.tlog-proof").write_text(each)
        began = time.perf_counter()
        arguments = (sys.executable, "-I", str(SCRIPT), "message.tlog-proof", "--policy", "policy.txt")
        process = await asyncio.create_subprocess_exec(*arguments, cwd=folder, stdout=asyncio.subprocess.DEVNULL)
        assert await process.wait() == 0
        seconds.append(time.perf_counter() - began)
    return seconds


async def _in_browser(dsn: str, file: str, keys: SignerKeys) -> list[float]:
    pinned = {"log": str(keys.log), "time": str(keys.time), "until": None}
    async with service(dsn, AUDIT_VERIFY_EVERY="off") as served, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=SWITCHES)
        page = await browser.new_page()
        await page.goto(str(served.url))
        seconds: list[float] = await page.evaluate(CHECK, [file, pinned, PROOFS])
        await browser.close()
    return seconds
