"""The application: its routes, its parts by key, and when they start and stop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine

from aiohttp import web

from api import hub_socket, wiring
from api.accounts.throttle import Throttle
from api.audit import served_tree
from api.erasure.gated_publisher import GatedPublisher
from api.erasure.withholding import Withholding
from api.http.app_keys import (
    ACCOUNT_CHANGES,
    ACCOUNTS,
    CORE,
    DEVICES,
    FANOUT,
    HEADER_DEADLINE,
    HERE,
    INVITATION_NEWS,
    LATENESS,
    LEASES,
    MESSAGES,
    METRICS,
    PROXIES,
    PUBLIC_KEYS,
    PUBLISHER,
    READ_SYNC,
    REQUESTS,
    ROOMS,
    SECRETS,
    SESSIONS,
    SETTINGS,
    SIGNUPS,
    UPLOADS,
)
from api.http.client_address import TrustedProxies
from api.http.header_deadline import HeaderDeadline
from api.http.middleware import request_middleware
from api.metrics import Metrics
from api.operations.app_keys import FIGURES_PUBLISHER, REBUILDS, REPUBLISHING, SAMPLER, TREE_METRICS
from api.operations.tree_metrics import TreeMetrics
from api.pages.routes import page_routes
from api.pages.setup import set_up_pages
from api.rest.routes import routes
from api.secrets import secrets_of
from api.settings import Settings
from centrifugo.hub.connection import websocket
from centrifugo.hub.hub import Hub
from projections.fanout.lateness import Lateness

HUB = web.AppKey("hub", Hub)

INDEX_EVERY_S = 1.0
"""How often the index of what was said follows the log; a search does so by itself."""


FILES_EVERY_S = 10.0
"""How soon files of erased messages are removed. They are not served any more from the erasure on."""


def create_app(settings: Settings) -> web.Application:
    """The application, on the database of `settings.database_url`, which has today's schema.

    Parts are opened when the application starts and closed in reverse order when it stops.
    """
    app = web.Application(middlewares=[request_middleware], client_max_size=settings.max_body_bytes)
    app[SETTINGS] = settings
    app[SECRETS] = secrets_of(settings)
    app[PROXIES] = TrustedProxies(settings.proxy_networks())
    app[DEVICES] = wiring.create_known_devices(app[SECRETS])
    app[METRICS] = Metrics()
    app[HEADER_DEADLINE] = HeaderDeadline(settings.header_timeout_s)
    app[REQUESTS] = Throttle(rate=settings.request_rate, burst=settings.request_burst)
    app.add_routes(routes())
    app.add_routes(served_tree.routes())
    set_up_pages(app)
    app.add_routes(page_routes())
    if not settings.centrifugo_api_url:
        app[HUB] = wiring.create_hub(app[SECRETS])
        websocket.mount(app, app[HUB])
        app.cleanup_ctx.append(_hub_socket)
    app.cleanup_ctx.extend((_core, _publisher, _accounts, _fanout, _operations, _housekeeping))
    return app


async def _hub_socket(app: web.Application) -> AsyncIterator[None]:
    async with hub_socket.serve_hub_api(app[HUB], app[SETTINGS]):
        yield


async def _core(app: web.Application) -> AsyncIterator[None]:
    metrics = app[METRICS]
    async with wiring.open_core(app[SETTINGS], observer=metrics.batch) as core:
        app[CORE] = core
        withholding = Withholding(core)
        await withholding.start()
        metrics.add_gauge("writer_queue_depth", "Commands that wait for the writer.", lambda: core.writer.queue_depth)
        async with _running(withholding.run()):
            yield


async def _publisher(app: web.Application) -> AsyncIterator[None]:
    async with wiring.open_publisher(app[SETTINGS], app[SECRETS], app.get(HUB)) as publisher:
        app[PUBLISHER] = GatedPublisher(publisher, app[CORE].known.gate)
        yield


async def _accounts(app: web.Application) -> AsyncIterator[None]:
    """Accounts, sessions, limits, leases, and how far users have read."""
    settings, database = app[SETTINGS], app[CORE].database
    limits = wiring.create_limits(settings, database)
    app[MESSAGES], app[ROOMS], app[SIGNUPS] = limits.messages, limits.rooms, limits.signups
    app[SESSIONS] = wiring.create_sessions(settings, database)
    app[LEASES] = wiring.create_leases(settings, database)
    app[LATENESS] = Lateness(database)
    app[READ_SYNC] = wiring.create_read_sync(database, app[PUBLISHER])
    app[INVITATION_NEWS] = wiring.create_invitation_news(app[PUBLISHER])
    app[UPLOADS] = wiring.create_uploads(settings, database)
    app[HERE] = wiring.create_here(app[CORE], app[PUBLISHER])
    with wiring.open_accounts(settings, database) as (app[ACCOUNTS], app[ACCOUNT_CHANGES]):
        async with (
            _running(app[SESSIONS].announcements.run()),
            _running(app[MESSAGES].run()),
            _running(app[ROOMS].run()),
        ):
            yield


async def _fanout(app: web.Application) -> AsyncIterator[None]:
    """The fan-out, where this process has a part in it."""
    if app[SETTINGS].fanout == "no":
        yield
        return
    app[FANOUT] = wiring.create_fanout(app[SETTINGS], app[CORE], app[PUBLISHER])
    app[METRICS].add_fanout(app[FANOUT])
    async with _running(app[FANOUT].run()):
        yield


async def _operations(app: web.Application) -> AsyncIterator[None]:
    """What the operations page shows and starts."""
    settings, database = app[SETTINGS], app[CORE].database
    app[SAMPLER] = wiring.create_sampler(settings, app[CORE])
    app[TREE_METRICS] = TreeMetrics(wiring.create_tree_status(settings, database))
    app[METRICS].registry.register(app[TREE_METRICS])
    app[FIGURES_PUBLISHER] = wiring.create_figures_publisher(database, app[SAMPLER], app[PUBLISHER])
    app[REPUBLISHING] = wiring.create_republishing(settings, app[CORE])
    lateness = wiring.create_lateness_publisher(app[LATENESS], app[PUBLISHER])
    async with (
        wiring.open_rebuilds(settings, database) as rebuilds,
        _running(app[FIGURES_PUBLISHER].run()),
        _running(lateness.run()),
    ):
        app[REBUILDS] = rebuilds
        yield


async def _housekeeping(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    work = wiring.create_housekeeping(settings, app[CORE].database, app[SESSIONS])
    retention = wiring.create_carrying_out(app[CORE])
    tree = wiring.create_tree_keeping(settings, app[CORE].database)
    app[PUBLIC_KEYS] = wiring.create_public_keys(settings)
    verification = wiring.create_daily_verification(settings, app[CORE])
    async with (
        _running(work.run(every_s=settings.housekeeping_every_s)),
        _running(retention.run(every_s=settings.retention_every_s)),
        _running(app[CORE].search_index.run(every_s=INDEX_EVERY_S)),
        _running(tree.run()),
        _running(verification.run()),
        _running(app[UPLOADS].run(every_s=FILES_EVERY_S)),
    ):
        yield


@contextlib.asynccontextmanager
async def _running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """`work` in a task of its own, for as long as the block lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
