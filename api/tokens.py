"""Tokens that let a signed-in browser connect to the real-time server and listen on its own channel."""

import time

from aiohttp import web
from msgspec import Struct

from api.answers import answer
from api.keys import LEASES, SECRETS, SESSION
from centrifugo.tokens import SUBSCRIPTION_TTL_S, connection_token, subscription_token
from projections.channels import personal_channel
from projections.shapes import User


class Unauthorized(Exception):
    """Nobody is signed in; the real-time client expects 401 then, and stops asking."""


class PermissionDenied(Exception):
    """A channel that is not the caller's own."""


class Token(Struct, frozen=True):
    """A JWT."""

    token: str


async def get_connection_token(request: web.Request) -> web.Response:
    """GET /api/token/connection/: 200 Token; 401."""
    user = _user(request)
    return answer(Token(connection_token(request.app[SECRETS].centrifugo_token_secret, str(user.id), now=time.time())))


async def get_subscription_token(request: web.Request) -> web.Response:
    """GET /api/token/subscription/?channel=: 200 Token for one's own channel; 403 for any other; 401."""
    user = _user(request)
    channel = request.query.get("channel", "")
    if channel != personal_channel(user.id):
        raise PermissionDenied
    await request.app[LEASES].renew(user.id, token_ttl_s=SUBSCRIPTION_TTL_S)  # before the token exists: see `leases`
    secret = request.app[SECRETS].centrifugo_token_secret
    return answer(Token(subscription_token(secret, str(user.id), channel, now=time.time())))


def _user(request: web.Request) -> User:
    if SESSION not in request:
        raise Unauthorized
    return request[SESSION].user
