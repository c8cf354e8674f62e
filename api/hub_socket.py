"""The embedded hub's server API for commands on this machine, on a socket file that no network reaches."""

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
"""The address of the API on that socket. The host name is arbitrary."""

log = logging.getLogger(__name__)


def socket_path(settings: Settings) -> Path:
    """The socket of the server that uses this DATA_DIR."""
    return Path(settings.data_dir) / "hub.sock"


@contextlib.asynccontextmanager
async def serve_hub_api(hub: Hub, settings: Settings) -> AsyncIterator[None]:
    """Serve the API for as long as the block lasts. It asks for the API key, as Centrifugo's does."""
    app = web.Application()
    app.add_routes(http_api.routes(hub))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await _listen(runner, socket_path(settings))
        yield
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, socket: Path) -> None:
    try:
        await web.UnixSite(runner, socket).start()
        os.chmod(socket, 0o600)
    except OSError as error:  # path too long, folder read-only: the service itself does without the socket
        log.warning("commands cannot reach the hub", extra={"reason": str(error)})


async def is_served(settings: Settings) -> bool:
    """Whether a server with this DATA_DIR and an embedded hub is running."""
    try:
        _, writer = await asyncio.open_unix_connection(socket_path(settings))
    except OSError:
        return False
    writer.close()
    return True
