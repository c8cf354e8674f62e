"""Proof files are checked by the script of the standard library, offline, and refused when anything in them is wrong."""

import base64
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from audit.tree import growth, proving, store
from audit.tree.checkpoint import Checkpoint
from audit.tree.keys import SignerKeys
from audit.tree.merkle import EMPTY_ROOT
from audit.tree.notes import COSIGNATURE, Note, SigningKey, parse_note
from audit.tree.proof import Proof
from audit.tree.proving import NotProvable
from audit.tree.signer import Signer
from audit.tree.anchor import Anchor
from audit.append_only_file import AppendOnlyFile
from domain.room.messages import PostMessage
from domain.values import RoomId
from tests.integration.audit.test_signing import NOON, SEED
from tests.integration.audit.test_tree_growth import ADD, ORIGIN
from tests.support.given_when_then import ADA
from tests.support.realtime.server import ROOT
from tests.support.store import Store, open_store

SCRIPT = ROOT / "audit" / "verify.py"
KEYS = SignerKeys(ORIGIN, SEED)
WITNESS = SigningKey("witness.example/w1", bytes(range(0x20, 0x40)), type=COSIGNATURE)
POLICY = f"log {KEYS.log}\nwitness time {KEYS.time}\nquorum time\n"
WORDS = "Nothing is lost. \u202e \U0001f9ed"


@dataclasses.dataclass
class Checked:
    """What the script said."""

    code: int
    said: str


@pytest.fixture
def check(tmp_path: Path):
    """Runs the script on a proof."""

    def run(proof: Proof | str, policy: str = POLICY) -> Checked:
        (tmp_path / "message.tlog-proof").write_text(str(proof))
        (tmp_path / "policy.txt").write_text(policy)
        ran = subprocess.run(
            [sys.executable, "-I", SCRIPT, "message.tlog-proof", "--policy", "policy.txt"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )
        return Checked(ran.returncode, ran.stdout + ran.stderr)

    return run
