"""A backup put in the place of a signed log: nothing is signed until an operator begins the next epoch."""

import asyncio
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
from click.testing import CliRunner, Result

from audit.signing.checkpoint import Checkpoint
from audit.signing.notes import parse_note
from cli.main import main
from tests.integration.audit.test_served_tree import WORDS, signed_at
from tests.support.conditions import eventually
from tests.support.people import Person
from tests.support.realtime.server import ROOT
from tests.support.restored_log import Backup

STOPPED = "SELECT stopped_why FROM audit_epochs ORDER BY epoch DESC LIMIT 1"


async def test_after_a_backup_was_put_in_place_an_operator_begins_the_next_epoch(
    ada: Person, database_url: str, tmp_path: Path
) -> None:
    environment = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)}

    async def onrecord(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner(env=environment).invoke, main, arguments)

    async def onrecord_alone(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from cli.main import main; main()", *arguments]
        run = functools.partial(subprocess.run, command, cwd=ROOT, env={**os.environ, **environment})
        return await asyncio.to_thread(run, capture_output=True, text=True, check=False)

    async def holds(proof: Path, policy: Path) -> bool:
        command = [sys.executable, "-I", str(ROOT / "audit" / "verify.py"), str(proof), "--policy", str(policy)]
        return (await asyncio.to_thread(subprocess.run, command, capture_output=True)).returncode == 0

    room = await ada.open_room("General")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": WORDS})
    await signed_at(3, ada)
    early = await onrecord("audit", "restart", "--why", "too early")
    assert (early.exit_code, "nothing to begin again" in early.output) == (1, True)
    backup = await Backup.take(database_url)
    await ada.post(f"/api/rooms/{room}/messages/", {"content": "Said after the backup."})
    lost = await signed_at(4, ada)
    before, policy = tmp_path / "before.tlog-proof", tmp_path / "policy.txt"
    assert (await onrecord("audit", "prove", "General", "4", "-o", str(before))).exit_code == 0
    policy.write_text((await onrecord("audit", "key")).stdout)
    await backup.restore()
    await backup.discard()

    async def is_stopped() -> bool:
        connection = await asyncpg.connect(database_url)
        stopped_why = await connection.fetchval(STOPPED)
        await connection.close()
        return "a tree of 4 events was signed" in (stopped_why or "")

    await eventually(is_stopped)

    async def chat_goes_on() -> bool:
        return (await ada.post(f"/api/rooms/{room}/messages/", {"content": "Meanwhile, chat goes on."})).status == 201

    await eventually(chat_goes_on)
    assert (await onrecord("audit", "verify")).exit_code == 1
    ran = await asyncio.gather(*(onrecord_alone("audit", "restart", "--why", "the fire of Monday") for _ in range(2)))
    begun, refused = sorted(ran, key=lambda each: each.returncode)
    assert (begun.returncode, refused.returncode) == (0, 1), ran
    assert "there is nothing to begin again" in refused.stderr

    async def is_signed_again() -> bool:
        return (await ada.get("/audit/2/checkpoint")).status == 200

    await eventually(is_signed_again)
    again = Checkpoint.parse(parse_note((await ada.get("/audit/2/checkpoint")).raw.decode()).text)
    assert again.origin == lost.origin.removesuffix("/1") + "/2" == begun.stdout.strip()
    told = [json.loads(line) for line in (await onrecord("events", "list", "--json")).stdout.splitlines()]
    (restarted,) = [each for each in told if each["type"] == "audit_restarted"]
    assert (restarted["epoch"], restarted["checkpoint"], restarted["reason"]) == (2, lost.text, "the fire of Monday")
    assert await holds(before, policy), "a proof of before still holds"
    after, new_policy = tmp_path / "after.tlog-proof", tmp_path / "new-policy.txt"
    assert (await onrecord("audit", "prove", "General", "4", "-o", str(after))).exit_code == 0
    new_policy.write_text((await onrecord("audit", "key")).stdout)
    assert await holds(after, new_policy)
    assert not await holds(after, policy)
    verified = await onrecord("audit", "verify")
    assert verified.exit_code == 0, verified.output
