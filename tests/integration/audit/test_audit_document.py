"""The steps of docs/audit.md, typed as they stand there, by an auditor who begins with nothing but a key."""

import asyncio
import os
import re
import shutil
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from aiohttp.test_utils import TestServer

from api.settings import Settings
from tests.integration.audit.test_served_tree import signed_at
from tests.support.people import Person
from tests.support.realtime.server import ROOT
from tests.support.vectors import LOG_SEED

TOKEN = "a token for auditors, of some length"
TEXT = (ROOT / "docs" / "audit.md").read_text()
SECTION = TEXT[TEXT.index("\n## Check us, step by step\n") : TEXT.index("\n## Check a proof\n")]
POLICY, SCRIPT, KEPT, MONITOR, WITNESS, VERIFY = (
    textwrap.dedent(block) for block in re.findall(r"^ *```\n(.*?)^ *```", SECTION, re.DOTALL | re.MULTILINE)
)
PROVEN = 17
"""The version whose proof the steps check."""


@dataclass
class Auditor:
    """A folder, and a shell in it that finds this program."""

    folder: Path
    server: TestServer
    environment: dict[str, str]

    async def types(self, typed: str) -> asyncio.subprocess.Process:
        """Type a block, with the address of the service in its place."""
        url = str(self.server.make_url("")).rstrip("/")
        here = typed.replace("https://chat.example", url).replace("AUDIT_TOKEN=…", f"AUDIT_TOKEN='{TOKEN}'")
        return await asyncio.create_subprocess_shell(
            "set -e\n" + here.replace("/srv/witness", str(self.folder / "witness")),
            cwd=self.folder,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def sees(self, typed: str, *, code: int = 0) -> str:
        """What is printed in the end."""
        process = await self.types(typed)
        out, _ = await process.communicate()
        assert process.returncode == code, out.decode()
        return out.decode()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With the key and the name of the policy in the document."""
    return msgspec.structs.replace(
        settings, audit_key=LOG_SEED.hex(), audit_origin="chat.example/audit", audit_token=TOKEN
    )


@pytest.fixture
async def auditor(server: TestServer, settings: Settings, ada: Person, tmp_path: Path) -> Auditor:
    """With the policy, the script and the proof of a message."""
    room = await ada.open_room("General")
    for number in range(3, PROVEN + 1):
        await ada.post(f"/api/rooms/{room}/messages/", {"content": f"message {number}"})
    await signed_at(PROVEN, ada)
    folder = tmp_path / "auditor"
    folder.mkdir()
    (folder / "policy.txt").write_text(POLICY)
    shutil.copy(ROOT / "audit" / "verify.py", folder)
    proof = (await ada.get(f"/api/rooms/{room}/messages/{PROVEN}/proof/")).raw
    (folder / f"General-{PROVEN}.tlog-proof").write_bytes(proof)
    environment = {"DATABASE_URL": settings.database_url, "DATA_DIR": settings.data_dir, "AUDIT_KEY": LOG_SEED.hex()}
    return Auditor(folder, server, environment)


async def test_the_policy_in_the_document_is_what_the_command_prints(auditor: Auditor) -> None:
    assert await auditor.sees("onrecord audit key 2> errors.txt") == POLICY


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl at hand")
async def test_every_step_holds_for_an_honest_service(auditor: Auditor) -> None:
    assert f'words     "message {PROVEN}"' in await auditor.sees(SCRIPT)
    await auditor.sees(KEPT)
    (kept,) = (auditor.folder / "kept-checkpoints").iterdir()
    assert kept.read_text().startswith(f"chat.example/audit/1\n{PROVEN}\n")
    assert f"{PROVEN} entries more" in await auditor.sees(MONITOR)
    assert "0 entries more" in await auditor.sees(MONITOR)
    assert f"{PROVEN} events, {PROVEN} in the tree" in await auditor.sees(VERIFY)
    kept.write_text(kept.read_text().replace(f"\n{PROVEN}\n", f"\n{PROVEN + 1}\n"))
    assert "a checkpoint cannot be trusted" in await auditor.sees(VERIFY, code=1)


async def test_a_witness_starts_with_the_logs_of_the_policy_and_prints_its_line(auditor: Auditor) -> None:
    process = await auditor.types(re.sub(r"^onrecord(.*)$", r"exec onrecord\1 --port 0", WITNESS, flags=re.MULTILINE))
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    assert re.fullmatch(r"witness witness\.example/w1 witness\.example/w1\+\S+ http://127\.0\.0\.1:\d+/\n", line), line
    process.terminate()
    assert await process.wait() == 0
