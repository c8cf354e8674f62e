"""Health, readiness and metrics, for operators and their tools."""

import contextlib

from aiohttp import web
from msgspec import Struct
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from api.http.app_keys import CORE, FANOUT, METRICS, SETTINGS
from api.http.responses import json_response
from api.operations.app_keys import TREE_METRICS
from eventstore.errors import ContentWithheld
from postgres.errors import StoreUnavailable
from projections.readmodels.readiness import find_wrong_tables


class HealthAnswer(Struct, frozen=True):
    """`ok`, or what is wrong."""

    status: str


async def get_health(request: web.Request) -> web.Response:
    """GET /healthz: 200 while the process answers at all."""
    return json_response(HealthAnswer("ok"))


async def get_readiness(request: web.Request) -> web.Response:
    """GET /readyz: 200 when requests can be served, 503 and the reason when the database or the writer is missing."""
    core = request.app[CORE]
    if not core.known.gate.is_open:
        return json_response(HealthAnswer(ContentWithheld.REASON), status=503)
    try:
        async with core.database.connection() as connection:
            wrong = await find_wrong_tables(connection)
    except StoreUnavailable:
        return json_response(HealthAnswer("the database is not available"), status=503)
    if wrong is not None:
        return json_response(HealthAnswer(wrong), status=503)
    if core.writer.stopped_by is not None:
        return json_response(HealthAnswer(core.writer.stopped_by), status=503)
    if not core.writer.is_available:
        return json_response(HealthAnswer("the writer cannot reach the database"), status=503)
    if FANOUT in request.app and request.app[FANOUT].lag_s > request.app[SETTINGS].fanout_lag_limit_s:
        return json_response(HealthAnswer("the fan-out is behind"), status=503)
    return json_response(HealthAnswer("ok"))


async def get_metrics(request: web.Request) -> web.Response:
    """GET /metrics: Prometheus text. While the database is away, what is read from it stays as it was."""
    core, metrics = request.app[CORE], request.app[METRICS]
    with contextlib.suppress(StoreUnavailable):
        async with core.database.connection() as connection:
            metrics.log_position.set(await core.log.last_position(connection=connection))
        await request.app[TREE_METRICS].read()
    return web.Response(body=metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})
