"""The proofs that browsers are tested with are those that this program writes, and hold without a browser."""

import json

import pytest

from audit.verify import ProofRefused, TrustPolicy, check
from tests.support.proof_vectors import FILE, KEYS, SAID, written

POLICY = f"log {KEYS.log}\nwitness time {KEYS.time}\nquorum time\n"


def checked(proof: str) -> list[str]:
    """What the script says."""
    return list(check(proof, TrustPolicy(POLICY)))  # type: ignore[no-untyped-call]  # it is a script of its own


def test_the_file_is_what_this_program_writes() -> None:
    assert FILE.read_text(encoding="utf-8") == written()


@pytest.mark.parametrize("name", SAID)
def test_each_proof_holds(name: str) -> None:
    proof = json.loads(FILE.read_text(encoding="utf-8"))["proofs"][name]
    assert any(line.startswith("seen by   time") for line in checked(proof))
    with pytest.raises(ProofRefused):
        checked(proof.replace("index ", "index 1"))
