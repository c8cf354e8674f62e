"""`onrecord serve` in a process of its own."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from yarl import URL

ONRECORD = Path(sys.executable).with_name("onrecord")


class Service:
    """A running `onrecord serve`, and what it said first."""

    def __init__(self, process: asyncio.subprocess.Process, said: list[str]) -> None:
        self.process = process
        self.said = said
        self.url = URL(said[0].split()[-1])

    async def stop(self, number: signal.Signals) -> int:
        """Send the signal; returns the exit code."""
        self.process.send_signal(number)
        return await self.process.wait()


@asynccontextmanager
async def serving(
    log: int | None = None, program: Path = ONRECORD, folder: Path | None = None, /, **environment: str
) -> AsyncIterator[Service]:
    """The service in a process of its own, ready to answer; killed at the end unless it has ended.

    `log` is where its standard error goes, ours by default. It runs in `folder`, ours by default.
    """
    process = await asyncio.create_subprocess_exec(
        program,
        "serve",
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PORT": "0", "LOG_LEVEL": "warning", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
    )
    assert process.stdout is not None
    try:
        said: list[str] = []
        while not said or "Ctrl-C" not in said[-1]:
            line = (await process.stdout.readline()).decode()
            assert line, f"ended with {await process.wait()} after {said}"
            said.append(line.rstrip())
        yield Service(process, said)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
