"""Tokens with which a logged-in browser connects to the real-time server and subscribes to its user's channel."""

import time

from aiohttp import web
from msgspec import Struct

from api.http.access import PermissionDenied, Unauthorized
from api.http.app_keys import HERE, LEASES, SECRETS, SESSION
from api.http.endpoints import Access, Endpoint
from api.http.responses import json_response
from api.http.rooms.here import HERE_TTL_S
from api.operations.app_keys import FIGURES_PUBLISHER
from api.operations.figures_publisher import TOKEN_TTL_S as FIGURES_TTL_S
from api.rest.client_log import check_client_log
from centrifugo.tokens import SUBSCRIPTION_TTL_S, connection_token, subscription_token
from projections.fanout.channels import OPERATIONS_CHANNEL, personal_channel, room_of
from projections.readmodels.shapes import User


class IssuedToken(Struct, frozen=True):
    """A JWT."""

    token: str


async def get_connection_token(request: web.Request) -> web.Response:
    """GET /api/token/connection/: 200 IssuedToken; 401."""
    user = _user(request)
    token = connection_token(request.app[SECRETS].centrifugo_token_secret, str(user.id), now=time.time())
    return json_response(IssuedToken(token))


async def get_subscription_token(request: web.Request) -> web.Response:
    """GET /api/token/subscription/?channel=&log=: 200 IssuedToken for one's own channel, here:<room id> or
    operations:figures; 403; 401; 409 when the client's place is not in the log.

    A page asks for a token every few minutes even when nothing is published. So it learns that the log went back also
    when no process remembered it, as after a restore while none ran.
    """
    user = _user(request)
    await check_client_log(request)
    channel = request.query.get("channel", "")
    ttl_s = await _record_subscriber(request, channel)
    secret = request.app[SECRETS].centrifugo_token_secret
    return json_response(IssuedToken(subscription_token(secret, str(user.id), channel, now=time.time(), ttl_s=ttl_s)))


async def _record_subscriber(request: web.Request, channel: str) -> int:
    """Record that the caller may be listening on the channel, before a token for it exists (see `leases` and
    `figures_publisher`). Returns for how many seconds the token is valid. Raises PermissionDenied.
    """
    session = request[SESSION]
    if channel == personal_channel(session.user.id):
        await request.app[LEASES].renew(session.user.id, token_ttl_s=SUBSCRIPTION_TTL_S)
        return SUBSCRIPTION_TTL_S
    if channel == OPERATIONS_CHANNEL and session.is_admin:
        await request.app[FIGURES_PUBLISHER].expect_watcher()
        return FIGURES_TTL_S
    room_id = room_of(channel)
    if room_id is not None and await request.app[HERE].may_listen(session.user.id, room_id):
        return HERE_TTL_S
    raise PermissionDenied


def _user(request: web.Request) -> User:
    if SESSION not in request:
        raise Unauthorized
    return request[SESSION].user


ENDPOINTS = (
    Endpoint(
        "GET", "/api/token/connection/", get_connection_token, IssuedToken, access=Access.EVERYONE, refusals=(401,)
    ),
    Endpoint(
        "GET",
        "/api/token/subscription/",
        get_subscription_token,
        IssuedToken,
        query=("channel", "log"),
        access=Access.EVERYONE,
        refusals=(401, 403, 409),
    ),
)
