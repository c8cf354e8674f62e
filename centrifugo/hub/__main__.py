"""The hub alone, for development: `python -m centrifugo.hub --config FILE --port 8000`."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from centrifugo.hub.configuration.loading import InvalidConfiguration, load
from centrifugo.hub.configuration.sections import HubConfig
from centrifugo.hub.connection import websocket
from centrifugo.hub.hub import Hub
from centrifugo.hub.server_api import http_api

logger = logging.getLogger("centrifugo")


def main() -> None:
    """Serve until SIGINT or SIGTERM; every client is then closed with 3001."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        config = load(arguments.config, os.environ)
    except InvalidConfiguration as error:
        sys.exit(f"centrifugo: {error}")
    uvloop.run(_serve(config, arguments.host, arguments.port))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="centrifugo", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="a Centrifugo v6 configuration in JSON")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=8000, help="0 for any free one")
    return parser.parse_args()


def application(config: HubConfig) -> web.Application:
    """A hub's WebSocket and server API."""
    hub = Hub(config)
    app = web.Application()
    websocket.mount(app, hub)
    app.add_routes(http_api.routes(hub))
    return app


async def _serve(config: HubConfig, host: str, port: int) -> None:
    runner = web.AppRunner(application(config), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    logger.info("listening on %s", ", ".join(f"{address[0]}:{address[1]}" for address in runner.addresses))
    stop = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    main()
