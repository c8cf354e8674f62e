"""The application: which parts there are, and their life."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine

from aiohttp import web

from api.accounts.accounts import Accounts
from api.accounts.passwords import Passwords
from api.accounts.sessions import Sessions
from api.accounts.throttle import Throttle
from api.core import open_core
from api.housekeeping import Housekeeping
from api.http.app_keys import (
    ACCOUNTS,
    CLIENTS,
    CORE,
    DELIVERY,
    FANOUT,
    LEASES,
    METRICS,
    PUBLISHER,
    READ_MARKS,
    REQUESTS,
    SECRETS,
    SESSIONS,
    SETTINGS,
    SIGNUPS,
)
from api.http.client_address import Clients
from api.http.middleware import edge
from api.metrics import Metrics
from api.operations.app_keys import GAUGE, REBUILDS, WATCH
from api.operations.figures import Gauge
from api.operations.rebuilds import Rebuilds
from api.operations.watch import Watch
from api.pages.routes import page_routes
from api.pages.setup import set_up_pages
from api.realtime import centrifugo_publisher, fanout_of, mount_hub, watch_fanout
from api.rest.routes import routes
from api.secrets import secrets_of
from api.settings import Settings
from projections.fanout.delivery import Delivery
from projections.fanout.leases import Leases
from projections.readmodels.read_marks import ReadMarks


def create_app(settings: Settings) -> web.Application:
    """The application on the database of `settings.database_url`, whose schema is there already.

    Parts are connected when the application starts and closed, last one first, when it stops.
    """
    app = web.Application(middlewares=[edge], client_max_size=settings.max_body_bytes)
    app[SETTINGS] = settings
    app[SECRETS] = secrets_of(settings)
    app[CLIENTS] = Clients(settings.proxy_networks())
    app[METRICS] = Metrics()
    app[REQUESTS] = Throttle(rate=settings.request_rate, burst=settings.request_burst)
    app[SIGNUPS] = Throttle(rate=settings.signup_rate, burst=settings.signup_burst)
    app.add_routes(routes())
    set_up_pages(app)
    app.add_routes(page_routes())
    if not settings.centrifugo_api_url:
        app[PUBLISHER] = mount_hub(app, app[SECRETS])
    app.cleanup_ctx.extend((_core, _people, _realtime, _operations, _housekeeping))
    return app


async def _core(app: web.Application) -> AsyncIterator[None]:
    metrics = app[METRICS]
    async with open_core(app[SETTINGS], observer=metrics.batch) as core:
        app[CORE] = core
        metrics.watch("writer_queue_depth", "Commands that wait for the writer.", lambda: core.writer.queue_depth)
        yield


async def _people(app: web.Application) -> AsyncIterator[None]:
    """Accounts, sessions, and what each has read."""
    settings = app[SETTINGS]
    passwords = Passwords(threads=settings.password_threads)
    app[ACCOUNTS] = Accounts(
        app[CORE].database,
        passwords,
        by_account=Throttle(rate=settings.login_account_rate, burst=settings.login_account_burst),
        by_address=Throttle(rate=settings.login_address_rate, burst=settings.login_address_burst),
    )
    sessions = Sessions(
        app[CORE].database,
        dsn=settings.database_url,
        idle_s=settings.session_idle_s,
        lifetime_s=settings.session_lifetime_s,
        cache_s=settings.session_cache_s,
    )
    app[SESSIONS] = sessions
    app[READ_MARKS] = ReadMarks(app[CORE].database)
    async with _running(sessions.announcements.run()):
        yield
    passwords.close()


async def _realtime(app: web.Application) -> AsyncIterator[None]:
    """The publisher, and the fan-out where this process has a part in it."""
    settings = app[SETTINGS]
    app[LEASES] = Leases(app[CORE].database, cold_after_s=settings.cold_after_s)
    app[DELIVERY] = Delivery(app[CORE].database)
    async with contextlib.AsyncExitStack() as running:
        if settings.centrifugo_api_url:
            app[PUBLISHER] = await running.enter_async_context(centrifugo_publisher(settings, app[SECRETS]))
        if settings.fanout == "yes":
            app[FANOUT] = fanout_of(settings, app[CORE], app[PUBLISHER])
            watch_fanout(app[FANOUT], app[METRICS])
            await running.enter_async_context(_running(app[FANOUT].run()))
        yield


async def _operations(app: web.Application) -> AsyncIterator[None]:
    """What the operations page shows and starts."""
    database = app[CORE].database
    app[GAUGE] = Gauge(database)
    app[WATCH] = Watch(database, app[GAUGE], app[PUBLISHER])
    async with Rebuilds.open(database, app[SETTINGS].database_url) as rebuilds, _running(app[WATCH].run()):
        app[REBUILDS] = rebuilds
        yield


async def _housekeeping(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    work = Housekeeping(app[CORE].database, app[SESSIONS], keep_keys_s=settings.idempotency_keep_s)
    async with _running(work.run(every_s=settings.housekeeping_every_s)):
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
