"""Tokens that let a signed-in browser connect to the real-time server, and listen there to what is for its user."""

import time

from aiohttp import web
from msgspec import Struct

from api.http.access import PermissionDenied, Unauthorized
from api.http.app_keys import LEASES, SECRETS, SESSION
from api.http.endpoints import Access, Endpoint
from api.http.responses import answer
from api.operations.app_keys import WATCH
from api.operations.watch import TOKEN_TTL_S as WATCH_TTL_S
from centrifugo.tokens import SUBSCRIPTION_TTL_S, connection_token, subscription_token
from projections.fanout.channels import OPERATIONS_CHANNEL, personal_channel
from projections.readmodels.shapes import User


class Token(Struct, frozen=True):
    """A JWT."""

    token: str


async def get_connection_token(request: web.Request) -> web.Response:
    """GET /api/token/connection/: 200 Token; 401."""
    user = _user(request)
    return answer(Token(connection_token(request.app[SECRETS].centrifugo_token_secret, str(user.id), now=time.time())))


async def get_subscription_token(request: web.Request) -> web.Response:
    """GET /api/token/subscription/?channel=: 200 Token for one's own channel, or operations:figures; 403; 401."""
    user = _user(request)
    channel = request.query.get("channel", "")
    ttl_s = await _admitted(request, channel)
    secret = request.app[SECRETS].centrifugo_token_secret
    return answer(Token(subscription_token(secret, str(user.id), channel, now=time.time(), ttl_s=ttl_s)))


async def _admitted(request: web.Request, channel: str) -> int:
    """For how many seconds the caller may listen there. That they may is noted before a token exists (see `leases` and
    `watch`). Raises PermissionDenied.
    """
    session = request[SESSION]
    if channel == personal_channel(session.user.id):
        await request.app[LEASES].renew(session.user.id, token_ttl_s=SUBSCRIPTION_TTL_S)
        return SUBSCRIPTION_TTL_S
    if channel == OPERATIONS_CHANNEL and session.is_admin:
        await request.app[WATCH].begin()
        return WATCH_TTL_S
    raise PermissionDenied


def _user(request: web.Request) -> User:
    if SESSION not in request:
        raise Unauthorized
    return request[SESSION].user


ENDPOINTS = (
    Endpoint("GET", "/api/token/connection/", get_connection_token, Token, access=Access.ANYBODY, refuses=(401,)),
    Endpoint(
        "GET",
        "/api/token/subscription/",
        get_subscription_token,
        Token,
        query=("channel",),
        access=Access.ANYBODY,
        refuses=(401, 403),
    ),
)
