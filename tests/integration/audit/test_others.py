"""Programs that others wrote read all that is served, and a witness that others wrote cosigns it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import msgspec
import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from api.settings import Settings
from audit.signing.keys import SignerKeys
from audit.signing.notes import COSIGNATURE, SigningKey, parse_note
from cli.main import main
from tests.conftest import scratch_folder
from tests.integration.audit.test_served_tree import CHECKPOINT, signed, signed_at
from tests.integration.audit.test_tree_growth import connection
from tests.integration.audit.test_witnesses import Log, log
from tests.support.conditions import eventually
from tests.support.others import litewitness, vectors
from tests.support.others.programs import NotAtHand, Programs, built
from tests.support.people import Person
from tests.support.vectors import LOG_SEED, WITNESS_NAME, WITNESS_SEED

__all__ = ["connection", "log"]

ASKED = "GO_PROGRAMS"
ORIGIN = "chat.example/audit"
TOKEN = "a token for auditors, of some length"
KEYS = SignerKeys(f"{ORIGIN}/1", LOG_SEED)
COSIGNER = SigningKey(WITNESS_NAME, WITNESS_SEED, type=COSIGNATURE).verifier
PATIENCE_S = 60

pytestmark = [
    pytest.mark.skipif(not os.environ.get(ASKED), reason=f"programs of others run when asked: `make others` ({ASKED})"),
    pytest.mark.timeout(900),  # they are built first
]


@pytest.fixture(scope="module")
def programs() -> Programs:
    try:
        return built()
    except NotAtHand as error:
        pytest.skip(str(error))


@pytest.fixture
def folder() -> Iterator[Path]:
    with scratch_folder() as short:
        yield short


@pytest.fixture
async def witness_url(programs: Programs, folder: Path) -> AsyncIterator[str]:
    async with litewitness.running(programs, folder, WITNESS_NAME, WITNESS_SEED, KEYS.log) as url:
        yield url


@pytest.fixture
def settings(settings: Settings, witness_url: str, tmp_path: Path) -> Settings:
    """With a key, a name, a witness to ask, and a token for auditors."""
    policy = tmp_path / "policy.txt"
    policy.write_text(f"log {KEYS.log}\nwitness w1 {COSIGNER} {witness_url}\nquorum w1\n")
    return msgspec.structs.replace(
        settings, audit_key=LOG_SEED.hex(), audit_origin=ORIGIN, audit_policy=str(policy), audit_token=TOKEN
    )


async def cosigned_at(size: int, room: str, person: Person) -> str:
    """A checkpoint of at least so many events with the cosignature; a witness that was too slow is asked once more."""

    async def is_there() -> bool:
        note = parse_note((await person.get(CHECKPOINT)).raw.decode())
        if (await signed(person)).size >= size and note.signed_at(COSIGNER):
            return True
        await person.post(f"/api/rooms/{room}/messages/", {"content": "so that there is news"})
        await asyncio.sleep(1)
        return False

    await eventually(is_there, timeout_s=PATIENCE_S)
    return (await person.get(CHECKPOINT)).raw.decode()


async def test_programs_of_others_read_all_of_a_log_that_a_witness_of_others_cosigned(
    programs: Programs, ada: Person, server: TestServer, database_url: str, tmp_path: Path
) -> None:
    room = await ada.open_room("General")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": "Nothing is lost."})
    await signed_at(3, ada)
    old = tmp_path / "old.txt"
    old.write_text(await cosigned_at(3, room, ada))
    for number in range(600):
        await ada.post(f"/api/rooms/{room}/messages/", {"content": f"message {number}"})
    await cosigned_at(603, room, ada)
    environment = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), "AUDIT_KEY": LOG_SEED.hex()}
    proof = tmp_path / "general.tlog-proof"
    arguments = ["audit", "prove", "General", "3", "-o", str(proof)]
    proved = await asyncio.to_thread(CliRunner(env=environment).invoke, main, arguments)
    assert proved.exit_code == 0, proved.output
    given = ["-url", str(server.make_url("/audit/1")), "-log", str(KEYS.log), "-old", str(old), "-proof", str(proof)]
    given += ["-cosigner", str(KEYS.time), "-cosigner", str(COSIGNER)]
    ran = await asyncio.to_thread(lambda: programs.check(*given, token=TOKEN))
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert (found["proofs"], found["consistency"], found["inclusion"], found["fsck"]) == (1, 1, 6, True)
    assert found["entries"] == found["size"] >= 603
    assert found["tiles"] >= 4
    assert set(found["cosigned"]) == {COSIGNER.name, KEYS.time.name}

    stranger = await asyncio.to_thread(lambda: programs.check(*given, token="another"))
    assert (stranger.returncode, "403" in stranger.stderr) == (1, True)
    altered = await asyncpg.connect(database_url)
    await altered.execute("ALTER TABLE stored_events DISABLE TRIGGER USER")
    await altered.execute("UPDATE stored_events SET state = '{}' WHERE originator_version = 300")
    await altered.close()
    ran = await asyncio.to_thread(lambda: programs.check(*given, token=TOKEN))
    assert (ran.returncode, "hash mismatch for entry 299" in ran.stderr) == (1, True), ran.stderr


async def test_a_proof_file_that_was_altered_is_refused_by_programs_of_others(
    programs: Programs, tmp_path: Path
) -> None:
    made = vectors.read()["proof"]
    proof = tmp_path / "vector.tlog-proof"
    for text, code in ((made, 0), (made.replace("index 2", "index 3"), 1), (made.replace("\n700\n", "\n701\n"), 1)):
        proof.write_text(text)
        ran = programs.check("-log", str(KEYS.log), "-proof", str(proof))
        assert ran.returncode == code, ran.stderr


async def test_a_litewitness_that_saw_more_than_we_remember_is_asked_from_there(log: Log, witness_url: str) -> None:
    log.patience_s = PATIENCE_S
    log.ask(witness_url)
    for rows in (3, 300, 1):
        assert (await log.sign(rows=rows)).signed_at(COSIGNER), (await log.standing()).problem
    await log.connection.execute("DELETE FROM audit_witnesses")
    assert (await log.sign(rows=40)).signed_at(COSIGNER), (await log.standing()).problem


async def test_a_litewitness_that_does_not_know_the_log_says_so(log: Log, programs: Programs, folder: Path) -> None:
    async with litewitness.running(programs, folder, WITNESS_NAME, WITNESS_SEED, None) as url:
        log.patience_s = PATIENCE_S
        log.ask(url)
        assert (await log.sign(rows=3)).signed_at(COSIGNER) is None
    assert (await log.standing()).problem == "it does not know this log or its key (403)"


def test_the_vectors_are_what_the_programs_make_now(programs: Programs) -> None:
    kept, made = vectors.read(), programs.vectors()
    for each in (kept, made):
        del each["cosigned"]  # it tells the time
    assert made == kept
