"""For whoever runs the service: is it alive, is it ready, how is it doing."""

import contextlib

from aiohttp import web
from msgspec import Struct
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from api.http.app_keys import CORE, FANOUT, METRICS, SETTINGS
from api.http.responses import answer
from postgres.errors import StoreUnavailable


class Health(Struct, frozen=True):
    """`ok`, or what is missing."""

    status: str


async def get_health(request: web.Request) -> web.Response:
    """GET /healthz: 200 while the process answers at all."""
    return answer(Health("ok"))


async def get_readiness(request: web.Request) -> web.Response:
    """GET /readyz: 200 when requests can be served, 503 and the reason when the database or the writer is missing."""
    core = request.app[CORE]
    try:
        await core.database.fetchval("SELECT true")
    except StoreUnavailable:
        return answer(Health("the database is not available"), status=503)
    if core.writer.stopped_by is not None:
        return answer(Health(core.writer.stopped_by), status=503)
    if not core.writer.is_available:
        return answer(Health("the writer cannot reach the database"), status=503)
    if FANOUT in request.app and request.app[FANOUT].lag_s > request.app[SETTINGS].fanout_lag_limit_s:
        return answer(Health("the fan-out is behind"), status=503)
    return answer(Health("ok"))


async def get_metrics(request: web.Request) -> web.Response:
    """GET /metrics: Prometheus text. The log's position stays what it was while the database is away."""
    core, metrics = request.app[CORE], request.app[METRICS]
    with contextlib.suppress(StoreUnavailable):
        async with core.database.connection() as connection:
            metrics.log_position.set(await core.log.last_position(connection=connection))
    return web.Response(body=metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})
