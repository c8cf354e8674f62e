"""The status of the tree: what is not well is said in a sentence, by the command, on the page and in the metrics."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from audit.append_only_file import AppendOnlyFile
from audit.proofs.policy import Policy, parse_policy
from audit.signing.anchor import AnchorFile
from audit.signing.key_change import state_change
from audit.signing.keys import SignerKeys
from audit.signing.signer import Signer
from audit.tree import store
from audit.witnesses.cosigning import Witnesses
from cli.main import main
from domain.custody import CUSTODY_ID, Custody
from postgres.database import Database
from replay.investigate.tree_status import TreeStatus, TreeStatusReader, WitnessStatus
from tests.integration.audit.test_tree_growth import ADD, ORIGIN, connection, grown
from tests.integration.audit.test_witnesses import witness_app
from tests.support.conditions import eventually
from tests.support.people import Person
from tests.support.signing import CHANGES, ring
from tests.support.vectors import LOG_SEED, WITNESS_KEY

__all__ = ["connection"]

KEYS = SignerKeys(ORIGIN, LOG_SEED)
ROW = """
INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES ($1, $2, $3, convert_to($4, 'utf8'))
"""
DAY_S = 24 * 3600.0
FOLLOWS = "the tree follows the log, and its last checkpoint is fresh."
NOTHING_FOUND = {
    "origin": "chat.example/audit/1",
    "root": "",
    "size": 744,
    "beyond": 0,
    "rows": 744,
    "checkpoints": 3,
    "accounts": 1,
    "accounts_seal": "",
    "actions": 0,
    "actions_seal": "",
    "findings": 0,
    "places": [],
}
"""What a verification says."""


def state(at: datetime, **fields: object) -> str:
    """What the library writes of an event."""
    return json.dumps({"timestamp": {"_type_": "datetime_iso", "_data_": at.isoformat()}, **fields})


class Log:
    """A log that is signed by hand, and what its status is."""

    def __init__(self, connection: asyncpg.Connection, database: Database, anchor: Path) -> None:
        self.connection = connection
        self.database = database
        self.anchor = anchor
        self.policy: Policy | None = None
        self.secrets: tuple[bytes, ...] = (LOG_SEED,)
        self.verify_every_s: float | None = DAY_S

    async def status(self) -> TreeStatus:
        return await TreeStatusReader(self.database, self.policy, CHANGES, verify_every_s=self.verify_every_s).read()

    async def add(self, rows: int) -> None:
        await self.connection.execute(ADD, f"rows {rows}", rows)

    async def add_old(self) -> None:
        """An event of long ago."""
        at = datetime.now(UTC) - timedelta(hours=1)
        await self.connection.execute(ROW, UUID(int=1), 1, "old", state(at))

    async def sign(self, *, ago: timedelta = timedelta(0)) -> None:
        witnesses = Witnesses(tuple(self.policy.witnesses.values()) if self.policy is not None else (), patience_s=30)
        anchor = AnchorFile(AppendOnlyFile(self.anchor))
        signer = Signer(anchor, ring(*self.secrets), CHANGES, witnesses, now=lambda: datetime.now(UTC) - ago)
        assert await signer.sign(await grown(self.connection), self.connection) is not None

    def trust(self, **urls: str) -> None:
        """A policy with these witnesses, all of which must cosign. Each but the first has a key of its own."""
        keys = [WITNESS_KEY, *(str(SignerKeys(name, bytes([len(name)] * 32)).time) for name in urls)]
        lines = [f"witness {name} {key} {url}" for (name, url), key in zip(urls.items(), keys, strict=False)]
        names = " ".join(urls)
        self.policy = parse_policy("\n".join([f"log {KEYS.log}", *lines, f"group g all {names}", "quorum g"]))


@pytest.fixture
async def log(connection: asyncpg.Connection, database_url: str, tmp_path: Path) -> AsyncIterator[Log]:
    database = await Database.connect(database_url, size=2, timeout_s=10)
    yield Log(connection, database, tmp_path / "anchor.jsonl")
    await database.close()


async def test_a_log_without_events_and_one_that_is_signed_are_well(log: Log) -> None:
    empty = await log.status()
    assert (empty.state, empty.summary) == ("well", "All is well: the log has no events yet.")
    await log.add(300)
    await log.sign()
    signed = await log.status()
    assert (signed.state, signed.problems, signed.epoch, signed.origin) == ("well", [], 1, ORIGIN)
    due = datetime.fromisoformat(signed.verification_due or "")
    assert timedelta(hours=23) < due - datetime.now(UTC) <= timedelta(hours=24)
    assert signed.summary == (
        f"All is well so far: {FOLLOWS} It was not yet verified in full: that is due at {due:%Y-%m-%d %H:%M} UTC."
    )
    assert (signed.size, signed.lag_events, signed.verification) == (300, 0, None)
    assert signed.checkpoint is not None
    assert signed.checkpoint.size == 300
    assert 0 <= signed.checkpoint.age_s < 60


async def test_a_change_of_the_key_is_shown_and_one_that_no_process_has_is_not_well(log: Log) -> None:
    await log.add(3)
    await log.sign()
    assert ((status := await log.status()).key, status.next_key) == (KEYS.log.short, None)
    after = SignerKeys(ORIGIN, bytes(32))
    said = json.dumps({"statement": str(state_change(KEYS, after))})
    await log.connection.execute(ROW, CUSTODY_ID, 1, Custody.AuditKeyChanged.TOPIC, said)
    assert ((status := await log.status()).key, status.next_key) == (KEYS.log.short, after.log.short)
    await log.sign(ago=timedelta(seconds=40))
    status = await log.status()
    assert (status.key, status.next_key, status.state) == (after.log.short, None, "not well")
    assert status.problems == [f"The key {after.log.short} is to sign, and has not. Has a process this key?"]
    log.secrets = (LOG_SEED, bytes(32))
    await log.sign()
    assert ((status := await log.status()).key, status.state) == (after.log.short, "well")


async def test_a_log_that_no_service_has_run_on_has_no_tree_yet(log: Log) -> None:
    await log.connection.execute("DELETE FROM audit_epochs")
    status = await log.status()
    assert (status.state, status.epoch) == ("not well", 0)
    assert status.summary == "The tree has not begun: no service has run on this log yet."


async def test_a_tree_that_does_not_follow_and_events_that_are_not_signed_are_not_well(log: Log) -> None:
    await log.add(3)
    await grown(log.connection)
    assert (await log.status()).problems == ["No checkpoint has been signed yet. Has a process the key?"]
    await log.sign()
    await log.add_old()
    behind = await log.status()
    assert behind.lag_events == 1
    assert behind.lag_s > 3000
    assert behind.problems == [
        "The tree is more than 2 s behind the log.",
        "Events have waited for a checkpoint for more than 30 s. Has a process the key?",
    ]
    assert behind.summary == " ".join(behind.problems)
    await grown(log.connection)
    assert (await log.status()).problems == behind.problems[1:]


async def test_a_checkpoint_that_was_not_made_fresh_is_not_well(log: Log) -> None:
    await log.add(3)
    await log.sign(ago=timedelta(minutes=12))
    assert (await log.status()).problems == ["The last checkpoint is older than 11 minutes. Has a process the key?"]


async def test_a_log_that_is_signed_no_more_is_stopped_and_says_why(log: Log) -> None:
    await log.add(3)
    await log.sign()
    await store.stop_epoch(1, "a tree of 4 events was signed, and the log has 3", log.connection)
    status = await log.status()
    assert status.state == "stopped"
    assert status.summary == "Nothing is signed any more: a tree of 4 events was signed, and the log has 3."


async def test_each_witness_says_what_it_cosigned_or_why_it_did_not(log: Log, tmp_path: Path) -> None:
    async with AsyncExitStack() as running:
        cosigning = witness_app(tmp_path, time=datetime.now(UTC).timestamp())
        url = str((await running.enter_async_context(TestServer(cosigning))).make_url("/"))
        await log.add(3)
        log.trust(w1=url)
        await log.sign()
        well = await log.status()
        (witness,) = well.witnesses
        assert "and every witness cosigned." in well.summary
        assert (witness.name, witness.size, witness.problem) == ("w1", 3, None)
        assert witness.age_s is not None
        assert witness.age_s < 60
        log.trust(w1=url, w22="http://127.0.0.1:1/")
        assert [each.problem for each in (await log.status()).witnesses] == [None, "it has not been asked yet"]
        await log.add(40)
        await log.sign()
    status = await log.status()
    assert status.witnesses[0].size == 43
    assert status.witnesses[1] == WitnessStatus("w22", 0, None, None, status.witnesses[1].problem)
    assert status.problems == [
        "The last checkpoint lacks cosignatures that the policy asks for.",
        f"The witness w22 has not cosigned: {status.witnesses[1].problem}.",
    ]
    log.policy = None
    assert [each.name for each in (await log.status()).witnesses] == ["w1", "w22"], "all that were ever asked"


@pytest.mark.parametrize(
    ("ago", "findings", "problems"),
    [
        (timedelta(hours=3), 0, []),
        (timedelta(hours=3), 2, ["The last full verification found what is not as it was recorded."]),
        (timedelta(days=3), 0, ["The record was to be verified in full by $DUE, and was not."]),
    ],
)
async def test_the_last_verification_on_record_is_told(
    log: Log, ago: timedelta, findings: int, problems: list[str]
) -> None:
    at = datetime.now(UTC) - ago
    log_id = str(await log.connection.fetchval("SELECT log_id FROM log_generation"))
    for version, found in ((1, 7), (2, findings)):
        written = state(at, **{**NOTHING_FOUND, "log_id": log_id, "findings": found})
        await log.connection.execute(ROW, CUSTODY_ID, version, "record_verified", written)
    await log.sign()
    status = await log.status()
    assert status.verification is not None
    assert (status.verification.size, status.verification.findings) == (744, findings)
    assert datetime.fromisoformat(status.verification.at) == at
    assert status.verification_due is not None
    assert datetime.fromisoformat(status.verification_due) == at + timedelta(days=1)
    due = f"{at + timedelta(days=1):%Y-%m-%d %H:%M} UTC"
    assert status.problems == [problem.replace("$DUE", due) for problem in problems]
    assert problems or status.summary == f"All is well: {FOLLOWS}"


async def test_a_record_that_was_never_verified_says_so_and_is_not_well_when_it_is_overdue(log: Log) -> None:
    await log.add(3)
    await log.sign()
    log.verify_every_s = None
    by_command = await log.status()
    assert (by_command.state, by_command.verification_due) == ("well", None)
    assert by_command.summary.endswith("which the service does not do by itself: `onrecord audit verify`.")
    await log.connection.execute("UPDATE audit_epochs SET began_at = began_at - interval '3 days'")
    (problem,) = (await log.status()).problems
    assert problem.endswith("The service does not do so by itself (AUDIT_VERIFY_EVERY).")
    log.verify_every_s = DAY_S
    (problem,) = (await log.status()).problems
    assert re.fullmatch(r"The record was to be verified in full by .* UTC, and was not\.", problem)
    log.verify_every_s = 7 * DAY_S
    assert (await log.status()).problems == []


async def test_the_command_the_page_and_the_metrics_of_a_service_say_the_same(
    ada: Person, admin: Person, database_url: str, tmp_path: Path
) -> None:
    environment = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)}

    async def shown(*options: str) -> str:
        ran = await asyncio.to_thread(CliRunner(env=environment).invoke, main, ["audit", "status", *options])
        assert ran.exit_code == 0, ran.output
        return ran.stdout

    async def is_well() -> bool:
        tree = json.loads(await shown("--json"))["tree"]
        return bool(tree["state"] == "well" and tree["checkpoint"] and tree["checkpoint"]["size"] == 2)

    await ada.open_room("General")
    await eventually(is_well)
    text = await shown()
    assert re.search(r"^tree +2 events in \S+\.onrecord\.invalid/audit/1, up to date$", text, re.MULTILINE)
    assert re.search(r"^checkpoint +2 events, \d+ (s|min) ago$", text, re.MULTILINE)
    assert re.search(r"^verify every +24h: the AUDIT_VERIFY_EVERY of this shell", text, re.MULTILINE)
    assert re.search(r"^verified +no full verification is on record; due \d{4}-", text, re.MULTILINE)
    assert re.search(r"^state +All is well so far: .*not yet verified in full", text, re.MULTILINE)
    page = (await admin.get("/operations/")).raw.decode()
    assert "All is well so far: the tree follows the log" in page
    assert "none yet, due " in page
    metrics = (await ada.get("/metrics")).raw.decode()
    values = dict(re.findall(r"^(onrecord_audit_\w+) (\S+)$", metrics, re.MULTILINE))
    assert (values["onrecord_audit_leaves"], values["onrecord_audit_checkpoint_leaves"]) == ("2.0", "2.0")
    assert (values["onrecord_audit_problems"], values["onrecord_audit_stopped"]) == ("0.0", "0.0")
    assert float(values["onrecord_audit_checkpoint_age_seconds"]) < 600
