"""The URL table."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Struct

from api import account_routes, csrf, operations
from api.account_routes import Credentials, LoggedIn
from api.guard import Access, guarded
from projections.shapes import User


class Nothing(Struct, frozen=True):
    """An empty object."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the contract: what it takes, what it gives, who may call it."""

    method: str
    path: str
    handler: Handler
    gives: Any
    status: int = 200
    takes: type[Struct] | None = None
    access: Access = Access.SIGNED_IN
    records: bool = False
    """Whether it records an event, and so takes an Idempotency-Key."""


ENDPOINTS = (
    Endpoint("GET", "/api/csrf/", csrf.get_csrf, Nothing, access=Access.ANYBODY),
    Endpoint("POST", "/api/signup/", account_routes.sign_up, User, 201, Credentials, Access.ANYBODY),
    Endpoint("POST", "/api/login/", account_routes.log_in, LoggedIn, 200, Credentials, Access.ANYBODY),
    Endpoint("POST", "/api/logout/", account_routes.log_out, Nothing),
)

OPERATIONS = (
    web.get("/healthz", operations.get_health),
    web.get("/readyz", operations.get_readiness),
    web.get("/metrics", operations.get_metrics),
)


def routes() -> Iterable[web.RouteDef]:
    """Every route of the application."""
    for endpoint in ENDPOINTS:
        handler = guarded(endpoint.handler, endpoint.access)
        yield web.get(endpoint.path, handler) if endpoint.method == "GET" else web.post(endpoint.path, handler)
    yield from OPERATIONS
