"""The URL table of the API. Endpoints stand with their handlers."""

from collections.abc import Iterable
from functools import partial

from aiohttp import web

from api.http.access import restricted
from api.http.endpoints import Access, Endpoint
from api.operations import health
from api.rest import accounts, delivery, docs, erasures, own_account, search, tokens
from api.rest.rooms import (
    admission,
    attachments,
    discussion,
    events,
    governance,
    here,
    messages,
    proofs,
    read_marks,
    rooms,
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *accounts.ENDPOINTS,
    *own_account.ENDPOINTS,
    *tokens.ENDPOINTS,
    *rooms.ENDPOINTS,
    *admission.ENDPOINTS,
    *governance.ENDPOINTS,
    *messages.ENDPOINTS,
    *discussion.ENDPOINTS,
    *attachments.ENDPOINTS,
    *read_marks.ENDPOINTS,
    *search.ENDPOINTS,
    *here.ENDPOINTS,
    *events.ENDPOINTS,
    *erasures.ENDPOINTS,
    *delivery.ENDPOINTS,
)


OFTEN = messages.ENDPOINTS
"""Asked for most. Below /api/rooms/ every path in front of the one that fits is tried in vain, at every request."""


def routes() -> Iterable[web.RouteDef]:
    """Every route of the application."""
    for endpoint in (*OFTEN, *(endpoint for endpoint in ENDPOINTS if endpoint not in OFTEN)):
        handler = restricted(endpoint.handler, endpoint.access)
        route = web.get if endpoint.method == "GET" else partial(web.route, endpoint.method)
        yield route(endpoint.path, handler)
    yield web.get(attachments.FILE, restricted(attachments.get_file, Access.LOGGED_IN))
    yield web.get(proofs.PROOF, restricted(proofs.get_proof, Access.LOGGED_IN))
    yield web.get("/api/openapi.json", docs.document(ENDPOINTS))
    yield web.get("/api/docs/", docs.page(ENDPOINTS))
    yield web.get("/healthz", health.get_health)
    yield web.get("/readyz", health.get_readiness)
    yield web.get("/metrics", health.get_metrics)
