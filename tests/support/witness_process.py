"""`onrecord audit witness` in a process of its own."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.realtime.server import ROOT


@dataclass(frozen=True)
class WitnessProcess:
    """It, and what its operator gives to those who run logs: its key, and its URL."""

    process: asyncio.subprocess.Process
    key: str
    url: str


@asynccontextmanager
async def witnessing(logs: Path, name: str, data: Path, *, port: int = 0) -> AsyncIterator[WitnessProcess]:
    """The witness for the logs of a policy, ready to answer; killed at the end unless it has ended."""
    arguments = ["audit", "witness", str(logs), "--name", name, "--data", str(data), "--port", str(port)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from cli.main import main; main()", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        assert line.startswith(f"witness {name} {name}+"), line
        _, _, key, url = line.split()
        yield WitnessProcess(process, key, url)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
