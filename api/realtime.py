"""The real-time side of the application: which server delivers, and the fan-out that feeds it."""

import contextlib
import logging
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

import centrifugo
from api import hub_socket as hub_api
from api.core import Core
from api.http.app_keys import SETTINGS
from api.metrics import Metrics
from api.secrets import Secrets
from api.settings import Settings
from centrifugo.client import CentrifugoClient
from centrifugo.hub.configuration.loading import load
from centrifugo.hub.connection import websocket
from centrifugo.hub.embedded_publisher import EmbeddedPublisher
from centrifugo.hub.hub import Hub
from centrifugo.publisher import Publisher, PublisherUnavailable
from projections.fanout.publications import Publications
from projections.fanout.tail import Tail
from projections.fanout.worker import Fanout, FanoutSettings

LOGGED_OUT = 4000
"""A code of ours that lets clients come back, see Publisher.disconnect."""

CONFIG = Path(centrifugo.__file__).with_name("config.json")

log = logging.getLogger(__name__)


def embedded_hub(secrets: Secrets) -> Hub:
    """The hub of this process, configured by the same file as the real server."""
    document: dict[str, Any] = msgspec.json.decode(CONFIG.read_bytes())
    document["client"]["token"]["hmac_secret_key"] = secrets.centrifugo_token_secret
    document["http_api"] = {"key": secrets.centrifugo_api_key}
    # Any page may open a socket, as it may fetch any address; without a token, which only ours get, it hears nothing.
    document["client"]["allowed_origins"] = ["*"]
    return Hub(load(document, {}))


def mount_hub(app: web.Application, secrets: Secrets) -> Publisher:
    """Serve the embedded hub's clients from this application, and return the way to publish to them."""
    hub = embedded_hub(secrets)
    websocket.mount(app, hub)

    async def serve_commands(app: web.Application) -> AsyncIterator[None]:
        async with hub_api.served(hub, app[SETTINGS]):
            yield

    app.cleanup_ctx.append(serve_commands)
    return EmbeddedPublisher(hub)


@contextlib.asynccontextmanager
async def centrifugo_publisher(settings: Settings, secrets: Secrets) -> AsyncIterator[Publisher]:
    """A client of the real server's API, for as long as the block lasts."""
    publisher = CentrifugoClient(settings.centrifugo_api_url, secrets.centrifugo_api_key)
    try:
        yield publisher
    finally:
        await publisher.close()


@contextlib.asynccontextmanager
async def outside_publisher(settings: Settings, secrets: Secrets) -> AsyncIterator[Publisher]:
    """How another process than the server publishes: to the real server, or to the hub of one with this DATA_DIR."""
    if settings.centrifugo_api_url:
        async with centrifugo_publisher(settings, secrets) as publisher:
            yield publisher
        return
    publisher = CentrifugoClient(hub_api.URL, secrets.centrifugo_api_key, socket=hub_api.socket_of(settings))
    try:
        yield publisher
    finally:
        await publisher.close()


def fanout_of(settings: Settings, core: Core, publisher: Publisher) -> Fanout:
    """The fan-out of this process."""
    tail = Tail(settings.database_url, core.database, core.log, Publications(core.bodies))
    chosen = FanoutSettings(all_warm=settings.cold_after_s is None, sets_aside=settings.fanout_sets_aside)
    return Fanout(settings.database_url, tail, publisher, chosen)


def watch_fanout(fanout: Fanout, metrics: Metrics) -> None:
    """What operators see of it."""
    metrics.watch("fanout_lanes", "Lanes that this process holds.", lambda: len(fanout.lanes))
    metrics.watch(
        "fanout_lag_events", "Positions not yet published, of the slowest lane here.", lambda: fanout.lag_events
    )
    metrics.watch("fanout_lag_seconds", "Age of the oldest event not yet published here.", lambda: fanout.lag_s)
    for name, help_text in (
        ("publications", "Publications made, channel by channel."),
        ("left_out", "Members not published to because they cannot be listening."),
        ("retries", "Calls to the real-time server that were tried again."),
        ("dead_letters", "Events set aside."),
    ):
        metrics.watch(f"fanout_{name}", help_text, partial(getattr, fanout.counts, name))


async def disconnect(user_id: int, publisher: Publisher) -> None:
    """End the connections of somebody who logged out. Their other devices, still logged in, come back with a new token.

    The real-time server being away is no reason not to log out: tokens last two minutes.
    """
    try:
        await publisher.disconnect(str(user_id), code=LOGGED_OUT, reason="logged out")
    except PublisherUnavailable as error:
        log.warning("not disconnected", extra={"user_id": user_id, "reason": str(error)})
