"""A command in a process of its own, which is forked: Python and all modules are there already."""

import contextlib
import gc
import json
import os
import signal
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import psycopg
from click.testing import CliRunner

from cli.main import main
from tests.support.killing.prepared import environment
from tests.support.killing.state import State, read_state
from tests.support.killing.steps import Kind, Steps

OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
PATIENCE_S = 60.0
HALFWAY = "a program has half of its input"
"""Stands in a state beside what is there."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended: the code None says that it was killed.

    `states`: what was there at each step, if asked for; None where nothing was written since the step before.
    """

    code: int | None
    output: str
    states: list[State | None]


@dataclass(frozen=True, slots=True)
class Place:
    """A database and a folder, for commands that are run one after the other.

    `server` is another database there; `realtime` are the settings of the server that commands publish to.
    """

    name: str
    dsn: str
    folder: Path
    server: str
    realtime: Mapping[str, str]

    def run(self, arguments: Sequence[str], *, dies_at: int | None = None, looks: bool = False) -> Ran:
        """Run a command until its end, or until it dies at a step, and wait until PostgreSQL has noticed."""
        reader, writer = os.pipe()
        if (pid := os.fork()) == 0:
            self._run_and_say(arguments, dies_at, looks, writer)
        os.close(writer)
        with os.fdopen(reader, "rb") as told:
            said = told.read()
        _, status = os.waitpid(pid, 0)
        self._wait_until_alone(pid)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL, status
            return Ran(None, "", [])
        return Ran(**json.loads(said))

    def state(self) -> State:
        """What is there now."""
        return read_state(self.dsn, self.folder)

    def _run_and_say(self, arguments: Sequence[str], dies_at: int | None, looks: bool, writer: int) -> NoReturn:
        """In the new process."""
        os.setsid()
        gc.disable()  # it would touch, and so copy, all memory of the process before
        states: list[State | None] = []

        def look(kind: Kind) -> None:
            aside = {HALFWAY: "yes"} if kind == "halfway" else {}
            states.append({**self.state(), **aside} if kind != "before a commit" else None)

        try:
            steps = Steps(dies_at, self.server, look if looks else None)
            steps.watch()
            result = CliRunner(env=environment(self.dsn, self.folder, self.realtime)).invoke(main, list(arguments))
            code, output = result.exit_code, result.output
            if result.exception is not None and not isinstance(result.exception, SystemExit):
                code, output = -1, "".join(traceback.format_exception(result.exception))
            with os.fdopen(writer, "wb") as told:
                told.write(json.dumps({"code": code, "output": output, "states": states}).encode())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)

    def _wait_until_alone(self, group: int) -> None:
        """The programs and the sessions of a process that was killed end by themselves."""
        deadline = time.monotonic() + PATIENCE_S
        with contextlib.suppress(ProcessLookupError):
            while True:
                os.killpg(group, 0)
                assert time.monotonic() < deadline, f"programs in the group {group} do not end"
                time.sleep(0.002)
        with psycopg.connect(self.server, autocommit=True) as server:
            while server.execute(OTHERS, [self.name]).fetchone() != (0,):
                assert time.monotonic() < deadline, f"sessions on {self.name} do not end"
                time.sleep(0.002)
