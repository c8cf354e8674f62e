"""`make help` knows every target."""

import os
import re
import subprocess

from tests.support.compose_file import ROOT


def said_by_make(*arguments: str) -> str:
    """What `make` prints, whether or not another make runs the tests."""
    environment = {"PATH": os.environ["PATH"]}  # without MAKEFLAGS and MAKELEVEL
    run = subprocess.run(["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return run.stdout


def test_help_lists_every_target_with_one_line_each() -> None:
    targets = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    lines = dict(re.findall(r"^make ([a-z-]+) +(\S.*)$", said_by_make("help"), re.MULTILINE))
    assert list(lines) == " ".join(targets).split()


def test_make_alone_prints_the_help() -> None:
    assert said_by_make() == said_by_make("help")
