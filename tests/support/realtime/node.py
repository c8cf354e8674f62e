"""Runs our Node scripts and sends them commands."""

import asyncio
import itertools
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.realtime.server import ROOT

TIMEOUT_S = 60.0
LONGEST_LINE = 1 << 22

Event = dict[str, Any]


class CommandFailed(Exception):
    """A command failed; `code` is the server's, if the server refused it."""

    def __init__(self, code: int | None, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


def node() -> str:
    """The path of Node: on PATH, or where `make node_modules/.installed` installs it."""
    found = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
    assert found is not None, "no Node: `make node_modules/.installed` brings one"
    return found


class NodeProgram:
    """A script that reads commands and writes events, one per line (see commands.mjs). Events go to `on_event`."""

    def __init__(self, process: asyncio.subprocess.Process, on_event: Callable[[Event], None]) -> None:
        self._process = process
        self._on_event = on_event
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, script: Path, on_event: Callable[[Event], None] = lambda _: None) -> "NodeProgram":
        assert (ROOT / "node_modules" / "centrifuge").is_dir(), "first: make node_modules/.installed-dev"
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(node(), script, stdin=pipe, stdout=pipe, limit=LONGEST_LINE)
        return cls(process, on_event)

    async def do(self, command: str, *, timeout_s: float = TIMEOUT_S, **fields: Any) -> Any:
        """Run a command and return its result. Raises CommandFailed."""
        assert self._process.stdin is not None
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps({"id": number, "command": command, **fields}).encode() + b"\n")
        return await asyncio.wait_for(answer, timeout_s)

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reader

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            event = json.loads(line)
            if "id" in event:
                self._answered(self._answers.pop(event["id"]), event)
            else:
                self._on_event(event)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the program ended"))

    def _answered(self, answer: asyncio.Future[Any], event: Event) -> None:
        if answer.cancelled():
            return  # the caller has timed out
        if event["event"] == "result":
            answer.set_result(event["result"])
        else:
            answer.set_exception(CommandFailed(event["code"], event["message"]))
