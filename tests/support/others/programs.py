"""Builds the Go programs of `tests/go`, once, and runs them. Go gets their modules over the network at first."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.realtime.server import ROOT

SOURCE = ROOT / "tests" / "go"
BUILT = ROOT / "var" / "go"
LITEWITNESS = "filippo.io/torchwood/cmd/litewitness"
BUILD_S = 600.0


class NotAtHand(Exception):
    """The programs cannot be built on this machine; the text says why."""


@dataclass(frozen=True)
class Programs:
    """The programs, built."""

    others: Path
    litewitness: Path

    def check(self, *arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
        """Read a log, or proof files, and say what is wrong."""
        environment = {**os.environ, "AUDIT_TOKEN": token}
        return subprocess.run(
            [self.others, "check", *arguments], env=environment, capture_output=True, text=True, check=False
        )

    def vectors(self) -> dict[str, Any]:
        """What they make of the rows of the vectors."""
        ran = subprocess.run([self.others, "vectors"], capture_output=True, text=True, check=True)
        found: dict[str, Any] = json.loads(ran.stdout)
        return found


def built() -> Programs:
    """The programs. Raises NotAtHand without Go, and where their modules cannot be had."""
    if shutil.which("go") is None:
        raise NotAtHand("no Go at hand: put `go` on PATH")
    listed = _go("list", "-deps", ".", LITEWITNESS)
    if listed.returncode:
        raise NotAtHand(f"the Go modules cannot be had: {listed.stderr.strip().splitlines()[-1]}")
    BUILT.mkdir(parents=True, exist_ok=True)
    programs = Programs(BUILT / "others", BUILT / "litewitness")
    for package, program in ((".", programs.others), (LITEWITNESS, programs.litewitness)):
        made = _go("build", "-o", str(program), package)
        assert made.returncode == 0, made.stderr
    return programs


def _go(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the Go command, as go.mod and go.sum say: no other toolchain, and no change to the files."""
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
    return subprocess.run(
        ["go", *arguments],
        cwd=SOURCE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_S,
    )
