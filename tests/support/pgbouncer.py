"""A real pgbouncer on loopback, in front of a server on a unix socket."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import scratch_folder
from tests.support.breakable_postgres import wire_to
from tests.support.realtime.server import free_port

STARTED = "process up"
START_TIMEOUT_S = 60.0
CONFIG = """
[databases]
* = host=127.0.0.1 port={server_port} user={user}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {pool_mode}
default_pool_size = 60
max_client_conn = 200
"""
"""As docs/deployment.md has it: nothing in it makes pgbouncer overlook a setting that we ask for."""


def program() -> str | None:
    """Where pgbouncer is; Debian keeps it where ordinary users have no PATH to."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


needs_pgbouncer = pytest.mark.skipif(program() is None, reason="needs pgbouncer")


@contextlib.asynccontextmanager
async def pgbouncer(database_url: str, *, pool_mode: str = "session") -> AsyncIterator[str]:
    """The URL of the same database behind pgbouncer."""
    with scratch_folder() as folder:
        folder.chmod(0o755)  # pgbouncer refuses to run as root, and another account reads its file
        async with wire_to(database_url) as (_, direct):
            server, port = urlsplit(direct), free_port()
            config = folder / "pgbouncer.ini"
            config.write_text(
                CONFIG.format(server_port=server.port, user=server.username, port=port, pool_mode=pool_mode)
            )
            process, log = await _started(config)
            try:
                yield f"postgresql://{server.username}@127.0.0.1:{port}{server.path}?sslmode=disable"
            finally:
                process.kill()
                await process.wait()
                log.unlink()


async def _started(config: Path) -> tuple[asyncio.subprocess.Process, Path]:
    log = config.with_suffix(".log")
    account = ("--user", "nobody") if os.geteuid() == 0 else ()
    with log.open("w") as output:
        process = await asyncio.create_subprocess_exec(program() or "", *account, config, stdout=output, stderr=output)
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            while STARTED not in log.read_text():
                assert process.returncode is None
                await asyncio.sleep(0.02)
    except (TimeoutError, AssertionError):
        raise AssertionError(f"pgbouncer did not start:\n{log.read_text()}") from None
    return process, log
