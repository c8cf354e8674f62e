"""A PostgreSQL of the machine, in the place of an operator's own: over TCP on loopback, with passwords."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import quick_place, scratch_folder
from tests.support.conditions import eventually
from tests.support.realtime.server import free_port

PASSWORD = "a password with / and % in it"


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, of the oldest version that we support where Debian has several."""
    installed = sorted(Path("/usr/lib/postgresql").glob("1[5-9]/bin"))
    return installed[0] if installed else None


needs_postgres = pytest.mark.skipif(programs() is None, reason="needs a PostgreSQL in /usr/lib/postgresql")


@contextlib.asynccontextmanager
async def running_postgres() -> AsyncIterator[int]:
    """The port of a server whose superuser `postgres` has PASSWORD."""
    folder_of_programs = programs()
    assert folder_of_programs is not None
    account = ("nobody", "nogroup") if os.geteuid() == 0 else (None, None)  # PostgreSQL refuses to run as root
    with scratch_folder(quick_place()) as folder:
        (folder / "password").write_text(PASSWORD)
        if account[0]:
            for place in (folder, folder / "password"):
                shutil.chown(place, *account)

        async def run(program: str, *arguments: str) -> asyncio.subprocess.Process:
            with (folder / "log").open("a") as log:
                return await asyncio.create_subprocess_exec(
                    folder_of_programs / program,
                    *arguments,
                    cwd=folder,
                    user=account[0],
                    group=account[1],
                    extra_groups=[] if account[0] else None,
                    stdout=log,
                    stderr=log,
                )

        options = ("--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--no-sync", "--encoding=UTF8")
        made = await run("initdb", "-D", str(folder / "data"), "--username=postgres", *options)
        assert await made.wait() == 0, (folder / "log").read_text()
        port = free_port()
        settings = ("listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}", "fsync=off")
        server = await run("postgres", "-D", str(folder / "data"), *(word for s in settings for word in ("-c", s)))
        try:
            await eventually(lambda: _answers(port))
            yield port
        finally:
            server.terminate()
            await server.wait()


async def _answers(port: int) -> bool:
    with contextlib.suppress(OSError, asyncpg.PostgresError):
        await (await as_superuser(port)).close()
        return True
    return False


async def as_superuser(port: int) -> asyncpg.Connection:
    return await asyncpg.connect(host="127.0.0.1", port=port, user="postgres", database="postgres", password=PASSWORD)
