"""An auditor's programs, against a running service: a witness that is asked, and a monitor that reads all of it."""

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import asyncpg
import msgspec
import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result

from api.settings import Settings
from audit.heads.statement import HeadsFile
from audit.monitor.monitor import monitor
from audit.monitor.published_log import PublishedLog
from audit.proofs.policy import parse_policy
from audit.signing.keys import SignerKeys
from audit.signing.notes import parse_note
from cli.main import main
from tests.integration.audit.test_served_tree import signed_at
from tests.support.people import Person
from tests.support.witness_process import witnessing

SEED = bytes(range(32))
ORIGIN = "chat.example/audit"
TOKEN = "a token for auditors, of some length"
WITNESS = "witness.example/w1"


@dataclass
class Audited:
    """A service with a witness, and what an auditor has."""

    person: Person
    url: str
    policy: Path
    receipt: Path
    token: str = TOKEN
    heads: tuple[Path, ...] = ()

    def monitor(self) -> Result:
        arguments = ["audit", "monitor", self.url, "--policy", str(self.policy), "--receipt", str(self.receipt)]
        arguments += [part for file in self.heads for part in ("--heads", str(file))]
        return CliRunner(env={"AUDIT_TOKEN": self.token}).invoke(main, arguments)

    async def found(self) -> list[str]:
        """What the monitor finds; the receipt stays then."""
        before = self.receipt.read_bytes() if self.receipt.exists() else None
        ran = await asyncio.to_thread(self.monitor)
        assert ran.exit_code == 1, ran.output
        assert (self.receipt.read_bytes() if self.receipt.exists() else None) == before
        return ran.output.splitlines()

    async def is_one_history(self) -> str:
        ran = await asyncio.to_thread(self.monitor)
        assert ran.exit_code == 0, ran.output
        return ran.stdout


@pytest.fixture
async def witness(tmp_path: Path) -> AsyncIterator[str]:
    """The key and the URL of a witness, which runs as a process of its own."""
    logs = tmp_path / "logs.txt"
    logs.write_text(f"log {SignerKeys(f'{ORIGIN}/1', SEED).log}\nquorum none\n")
    async with witnessing(logs, WITNESS, tmp_path / "witness") as running:
        yield f"{running.key} {running.url}"
        running.process.send_signal(signal.SIGTERM)
        assert await running.process.wait() == 0


@pytest.fixture
def policy(witness: str, tmp_path: Path) -> Path:
    file = tmp_path / "policy.txt"
    file.write_text(f"log {SignerKeys(f'{ORIGIN}/1', SEED).log}\nwitness w1 {witness}\nquorum w1\n")
    return file


@pytest.fixture
def settings(settings: Settings, policy: Path) -> Settings:
    """With a key, a name, a witness to ask, and a token for auditors."""
    return msgspec.structs.replace(
        settings, audit_key=SEED.hex(), audit_origin=ORIGIN, audit_policy=str(policy), audit_token=TOKEN
    )


@pytest.fixture
def audited(server: TestServer, ada: Person, policy: Path, tmp_path: Path) -> Audited:
    return Audited(ada, str(server.make_url("/audit/1")), policy, tmp_path / "receipt.json")


async def test_an_auditor_sees_one_history_that_a_witness_cosigned(audited: Audited) -> None:
    room = await audited.person.open_room("General")
    await signed_at(2, audited.person)
    assert "2 in all" in await audited.is_one_history()
    for number in range(300):
        await audited.person.post(f"/api/rooms/{room}/messages/", {"content": f"message {number}"})
    await signed_at(302, audited.person)
    note = parse_note((await audited.person.get("/audit/1/checkpoint")).raw.decode())
    policy = parse_policy(audited.policy.read_text())
    assert policy.is_satisfied(policy.cosigned_at(note))
    assert "300 entries more, 302 in all, in 1 streams: one history" in await audited.is_one_history()
    assert "0 entries more" in await audited.is_one_history()
    async with aiohttp.ClientSession() as stranger:
        entries = f"{audited.url}/tile/entries/000"
        for headers in (
            {},
            {"Authorization": "Bearer "},
            {"Authorization": f"Bearer {TOKEN}x"},
            {"Authorization": "é"},
        ):
            async with stranger.get(entries, headers=headers) as answer:
                assert answer.status == 403
        async with stranger.get(entries, headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
            assert answer.status == 200


async def test_a_log_that_signs_nothing_any_more_is_found(audited: Audited) -> None:
    await audited.person.open_room("General")
    await signed_at(2, audited.person)
    policy = parse_policy(audited.policy.read_text())
    now = datetime.now(UTC)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        log = PublishedLog(audited.url, http)
        fresh = await monitor(log, policy, None, now=now + timedelta(minutes=30))
        stale = await monitor(log, policy, None, now=now + timedelta(hours=2))
    assert (fresh.findings, fresh.receipt is not None) == ((), True)
    (finding,) = stale.findings
    assert "nothing is signed here any more" in finding
    assert stale.receipt is None


async def test_statements_of_heads_are_compared_with_the_entries(
    audited: Audited, settings: Settings, tmp_path: Path
) -> None:
    await audited.person.open_room("General")
    await signed_at(2, audited.person)
    names = {"DATABASE_URL": settings.database_url, "DATA_DIR": settings.data_dir, "AUDIT_KEY": SEED.hex()}
    file = tmp_path / "log.heads"
    stated = await asyncio.to_thread(CliRunner(env=names).invoke, main, ["audit", "heads", "-o", str(file)])
    assert stated.exit_code == 0, stated.output
    await audited.person.open_room("Bugs")
    await signed_at(4, audited.person)
    await audited.is_one_history()
    audited.heads = (file,)
    assert "0 entries more, 4 in all" in await audited.is_one_history()
    true = HeadsFile.parse(file.read_text())
    keys, heads = SignerKeys(f"{ORIGIN}/1", SEED), true.heads
    shorter = replace(heads, versions=dict.fromkeys(heads.versions, 1))
    file.write_text(str(replace(true, statement=keys.sign(shorter.text, time=7))))
    assert "ends with version 2, and version 1 was stated" in "".join(await audited.found())
    larger = replace(heads, checkpoint=replace(heads.checkpoint, size=9))
    note = keys.sign(larger.checkpoint.text, time=7)
    file.write_text(str(HeadsFile(keys.sign(larger.text, time=7), note)))
    assert "too few witnesses" in "".join(await audited.found())


async def test_what_was_altered_since_or_is_not_trusted_is_found(audited: Audited, database_url: str) -> None:
    room = await audited.person.open_room("General")
    await signed_at(2, audited.person)
    await audited.is_one_history()
    for number in range(3):
        await audited.person.post(f"/api/rooms/{room}/messages/", {"content": f"message {number}"})
    await signed_at(5, audited.person)
    connection = await asyncpg.connect(database_url)
    await connection.execute("ALTER TABLE stored_events DISABLE TRIGGER USER")
    await connection.execute("UPDATE stored_events SET originator_version = 9 WHERE originator_version = 4")
    found = await audited.found()
    assert f"FOUND  stream {room} has version 9 after 3, at 4" in found
    assert "FOUND  the entries up to 5 are not those that were signed" in found
    await connection.close()
    audited.token = "another"
    assert "the log answers 403" in "".join(await audited.found())
    audited.policy.write_text(f"log {SignerKeys(f'{ORIGIN}/1', bytes(32)).log}\nquorum none\n")
    assert "is not signed with a key of the log" in "".join(await audited.found())
    audited.receipt.write_text("{}")
    assert "is not a receipt" in "".join(await audited.found())
