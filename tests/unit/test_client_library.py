"""The client library's own tests, in tests/client/, run by Node."""

import subprocess

from tests.support.realtime.node import node
from tests.support.realtime.server import ROOT


def test_the_client_library_passes_its_own_tests() -> None:
    files = sorted(str(file) for file in (ROOT / "tests" / "client").glob("*.test.mjs"))
    run = subprocess.run([node(), "--test", *files], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
