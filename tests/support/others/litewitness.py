"""A litewitness in a process of its own: the witness of the torchwood project. It signs with a key in an ssh-agent."""

import asyncio
import base64
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from audit.signing.notes import VerifierKey
from audit.tree.merkle import EMPTY_ROOT
from tests.support.conditions import eventually
from tests.support.others.programs import Programs
from tests.support.realtime.server import free_port

START_TIMEOUT_S = 60.0


@asynccontextmanager
async def running(
    programs: Programs, folder: Path, name: str, seed: bytes, log: VerifierKey | None
) -> AsyncIterator[str]:
    """The URL of a litewitness that cosigns `log`, if given. `folder` has a short path, since sockets need one."""
    agent_socket, database, port = folder / "agent", folder / "litewitness.db", free_port()
    url = f"http://127.0.0.1:{port}"
    async with _process(programs.others, "agent", str(agent_socket), seed.hex()) as agent:
        assert agent.stdout is not None
        fingerprint = (await agent.stdout.readline()).decode().strip()
        arguments = ("-name", name, "-db", str(database), "-ssh-agent", str(agent_socket), "-key", fingerprint)
        async with _process(programs.litewitness, *arguments, "-listen", f"127.0.0.1:{port}") as witness:

            async def answers() -> bool:
                assert witness.returncode is None, "litewitness has ended"
                async with aiohttp.ClientSession() as http:
                    with contextlib.suppress(aiohttp.ClientError):
                        return (await http.get(url)).status == 200
                return False

            await eventually(answers, timeout_s=START_TIMEOUT_S)
            if log is not None:
                _add_log(database, log)
            yield url


def _add_log(database: Path, log: VerifierKey) -> None:
    """As its own witnessctl does."""
    with contextlib.closing(sqlite3.connect(database, timeout=START_TIMEOUT_S)) as connection, connection:
        root = base64.b64encode(EMPTY_ROOT).decode()
        connection.execute("INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)", (log.name, root))
        connection.execute("INSERT INTO key (origin, key) VALUES (?, ?)", (log.name, str(log)))


@asynccontextmanager
async def _process(program: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process, killed at the end."""
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
