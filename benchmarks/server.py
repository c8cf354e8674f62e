"""The service under measurement: `onrecord serve` and its PostgreSQL as processes, with the processor time they use."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
from yarl import URL

from api.schema import bring_up_to_date
from postgres.embedded import EmbeddedPostgres
from tests.support.store import SECRET

UNTHROTTLED = {
    "REQUEST_RATE": "1000000",
    "REQUEST_BURST": "10000000",
    "MESSAGE_RATE": "1000000",
    "MESSAGE_BURST": "10000000",
    "ROOM_RATE": "1000000",
    "ROOM_BURST": "10000000",
    "SIGNUP_RATE": "100000",
    "SIGNUP_BURST": "100000",
    "DEMO": "no",
    "LOG_LEVEL": "warning",
}


@contextlib.asynccontextmanager
async def postgres() -> AsyncIterator[str]:
    """The URL of a server with today's schema and its default, durable settings; its data are thrown away."""
    with tempfile.TemporaryDirectory(prefix="onrecord-bench-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder))
        await asyncio.to_thread(server.start)
        try:
            connection = await asyncpg.connect(server.dsn)
            await bring_up_to_date(connection)
            await connection.close()
            yield server.dsn
        finally:
            await asyncio.to_thread(server.stop)


@dataclass(frozen=True)
class Served:
    """A running service."""

    url: URL
    pid: int


@dataclass(frozen=True)
class Program:
    """`onrecord` of a checkout, ours unless `folder` names another, after the Python code `prepared`."""

    folder: Path | None = None
    prepared: str = ""

    @property
    def command(self) -> tuple[str, ...]:
        return sys.executable, "-c", f"{self.prepared}from cli.main import main; main()"


TODAY = Program()


@contextlib.asynccontextmanager
async def service(database_url: str, program: Program = TODAY, /, **environment: str) -> AsyncIterator[Served]:
    """One server process, ready to answer; stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="onrecord-bench-") as folder:
        process = await asyncio.create_subprocess_exec(
            *program.command,
            "serve",
            cwd=program.folder,
            env={
                "PORT": "0",
                "DATABASE_URL": database_url,
                "DATA_DIR": folder,
                "CENTRIFUGO_TOKEN_SECRET": SECRET,  # as the store that fills the log: snapshots are bound to it
                **UNTHROTTLED,
                **environment,
            },
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            url = URL((await process.stdout.readline()).decode().split()[-1])
            while "Ctrl-C" not in (await process.stdout.readline()).decode():
                pass
            yield Served(url, process.pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


def cpu_s(pid: int) -> float:
    """Processor time that a process has used, in seconds."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


async def postgres_cpu_s(database_url: str) -> float:
    """Processor time that PostgreSQL has used so far, in seconds, by processes that have ended as well."""
    connection = await asyncpg.connect(database_url)
    try:
        postmaster = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()")).parent()
    finally:
        await connection.close()
    assert postmaster is not None
    total = cpu_s(postmaster.pid)
    for child in postmaster.children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended a moment ago
            total += cpu_s(child.pid)
    ended = postmaster.cpu_times()
    return float(total + ended.children_user + ended.children_system)
