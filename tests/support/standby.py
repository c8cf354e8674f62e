"""A hot standby: a second PostgreSQL server that streams from a first, and only answers reads."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg

from eventstore.log import LAST_POSITION
from postgres.embedded import EmbeddedPostgres
from postgres.server.cluster import SUPERUSER
from postgres.server.programs import Programs
from tests.support.base_backup import BaseBackup
from tests.support.conditions import eventually

SETTINGS = """
primary_conninfo = 'host={socket} user={user}'
listen_addresses = ''
unix_socket_directories = '.'
"""


@contextlib.asynccontextmanager
async def standby_of(server: EmbeddedPostgres, folder: Path, copy: Path) -> AsyncIterator[str]:
    """The URL of a standby of `server`, whose files are in `folder`; its own are in `copy`, a short path."""
    await BaseBackup(server, folder, copy).take()
    for parent in (folder, copy.parent):  # started by root, the servers run as another account
        os.chmod(parent, 0o755)
    (socket,) = parse_qs(urlsplit(server.dsn).query)["host"]
    with (copy / "postgresql.auto.conf").open("a") as conf:
        conf.write(SETTINGS.format(socket=socket, user=SUPERUSER))
    (copy / "standby.signal").touch()
    programs = Programs(copy)
    await asyncio.to_thread(_hand_over, copy, programs)
    process = programs.start_server("-D", programs.name_of(copy), folder=copy, log=copy / "standby.log")
    dsn = f"postgresql://{SUPERUSER}@/onrecord?host={copy}"
    try:
        await eventually(lambda: answers(dsn))
        yield dsn
    finally:
        os.kill(process.pid, signal.SIGINT)
        await asyncio.to_thread(process.wait)


def _hand_over(copy: Path, programs: Programs) -> None:
    """The backup's label and its last segments are ours; the server's account must read them."""
    for file in copy.rglob("*"):
        programs.hand_over(file)


async def answers(dsn: str) -> bool:
    try:
        connection = await asyncpg.connect(dsn)
    except (OSError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


async def caught_up(standby: str, primary: str) -> None:
    """Wait until the standby has what the primary has now."""
    there = await asyncpg.connect(primary)
    position = await there.fetchval(LAST_POSITION)
    await there.close()

    async def has_it() -> bool:
        connection = await asyncpg.connect(standby)
        reached = await connection.fetchval(LAST_POSITION)
        await connection.close()
        return bool(reached >= position)

    await eventually(has_it)
