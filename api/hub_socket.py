"""The embedded hub's server API, for commands on this machine: on a socket file, so that no network reaches it."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from api.settings import Settings
from centrifugo.hub.hub import Hub
from centrifugo.hub.server_api import http_api

URL = f"http://hub{http_api.PREFIX}"
"""Where the API is on that socket. The host is nobody's."""

log = logging.getLogger(__name__)


def socket_of(settings: Settings) -> Path:
    """The socket of the server that uses this DATA_DIR."""
    return Path(settings.data_dir) / "hub.sock"


@contextlib.asynccontextmanager
async def served(hub: Hub, settings: Settings) -> AsyncIterator[None]:
    """The API is there for as long as the block lasts. It asks for the API key, as Centrifugo's does."""
    app = web.Application()
    app.add_routes(http_api.routes(hub))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await _listen(runner, socket_of(settings))
        yield
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, socket: Path) -> None:
    try:
        await web.UnixSite(runner, socket).start()
        os.chmod(socket, 0o600)
    except OSError as error:  # a path too long, a folder that is read-only: the service itself needs no such socket
        log.warning("commands cannot reach the hub", extra={"reason": str(error)})


async def is_served(settings: Settings) -> bool:
    """Whether a server with this DATA_DIR and an embedded hub is running."""
    try:
        _, writer = await asyncio.open_unix_connection(socket_of(settings))
    except OSError:
        return False
    writer.close()
    return True
