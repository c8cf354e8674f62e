"""The PostgreSQL of docker-compose.yml, over TCP: the version, the role and the database are those of the image."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator

import asyncpg

from postgres.server.programs import Programs
from tests.conftest import quick_place, scratch_folder
from tests.support.compose_file import FILLED, services
from tests.support.conditions import eventually
from tests.support.realtime.server import free_port


@contextlib.asynccontextmanager
async def compose_postgres() -> AsyncIterator[int]:
    """The port of a fresh server on loopback. It wants passwords."""
    given = services(FILLED)["postgres"]["environment"]
    owner, database, password = given["POSTGRES_USER"], given["POSTGRES_DB"], given["POSTGRES_PASSWORD"]
    with scratch_folder(quick_place()) as folder:
        data = folder / "data"
        data.mkdir(mode=0o700)
        programs = Programs(data)
        programs.hand_over(data)
        name, port = programs.name_of(data), free_port()
        made = ("-D", name, "--username", owner, "--auth-host=scram-sha-256", "--auth-local=reject", "--no-sync")
        await asyncio.to_thread(programs.run, "initdb", *made, folder=data)
        statements = f"CREATE DATABASE {database}\nALTER ROLE {owner} PASSWORD '{password}'\n"
        alone = ("--single", "-D", name, "-c", "exit_on_error=on", "postgres")
        await asyncio.to_thread(programs.run, "postgres", *alone, folder=data, given=statements)
        settings = ("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "fsync=off")
        flags = [word for setting in settings for word in ("-c", setting)]
        process = programs.start_server("-D", name, *flags, folder=data, log=data / "server.log")
        try:
            await eventually(lambda: _answers(f"postgresql://{owner}:{password}@127.0.0.1:{port}/{database}"))
            yield port
        finally:
            os.kill(process.pid, signal.SIGINT)
            await asyncio.to_thread(process.wait)


async def _answers(url: str) -> bool:
    with contextlib.suppress(OSError, asyncpg.CannotConnectNowError):
        await (await asyncpg.connect(url)).close()
        return True
    return False
