"""What happens to an embedded PostgreSQL: it is killed, and its volume fills up."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from postgres.embedded import EmbeddedPostgres
from tests.conftest import scratch_folder
from tests.support.conditions import eventually
from tests.support.serving import ONRECORD

IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root starts a server for another account, or mounts volumes")


@contextlib.contextmanager
def data_folder(parent: Path | None = None) -> Iterator[Path]:
    """A DATA_DIR that is there; at its end a server that a failed test left running is stopped."""
    with scratch_folder(parent) as folder:
        try:
            yield folder
        finally:
            if (folder / "postgres" / "postmaster.pid").exists():
                with EmbeddedPostgres(folder):
                    pass


def server_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


async def kill_server(data_dir: Path) -> int:
    """Kill the server; returns its former process id once it is dead."""
    pid = server_pid(data_dir)
    os.kill(pid, signal.SIGKILL)

    await has_ended(pid)
    return pid


async def has_ended(pid: int) -> None:
    """Wait until a process is dead, if not yet reaped."""

    async def is_dead() -> bool:
        return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    await eventually(is_dead)


@contextlib.contextmanager
def volume(at: Path, *, megabytes: int, options: str = "rw") -> Iterator[None]:
    """A volume of its own at the folder `at`; skips the test where none can be mounted."""
    at.mkdir(exist_ok=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755,{options}", "onrecord-test", at],
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        pytest.skip(f"cannot mount a small volume here: {made.stderr.splitlines()[0]}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder that may not be written: for root by a mount, since modes mean nothing to root."""
    if not IS_ROOT:
        folder.chmod(0o500)
        try:
            yield
        finally:
            folder.chmod(0o700)
        return
    bound = subprocess.run(["mount", "--bind", folder, folder], capture_output=True, text=True)
    if bound.returncode != 0:
        pytest.skip(f"cannot mount here: {bound.stderr.strip()}")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(folder: Path) -> Path:
    """Write until the volume is full; returns the file to remove."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    return filler


async def refused(*arguments: str, **environment: str) -> str:
    """What `onrecord` with these arguments says when it refuses: one line, and exit code 1."""
    process = await asyncio.create_subprocess_exec(
        ONRECORD,
        *arguments,
        env={"PATH": os.environ["PATH"], "PORT": "0", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            output, error = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    said = error.decode()
    assert (process.returncode, output, said.count("\n")) == (1, b"", 1), said
    assert said.startswith("Error: ")
    return said.removeprefix("Error: ").rstrip()


@contextlib.asynccontextmanager
async def starting(data_dir: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """An `onrecord serve` that may not have got far yet; killed at the end unless it has ended."""
    process = await asyncio.create_subprocess_exec(
        ONRECORD,
        "serve",
        env={"PATH": os.environ["PATH"], "PORT": "0", "DATA_DIR": str(data_dir), "LOG_LEVEL": "error"},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
