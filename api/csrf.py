"""Proof that a POST comes from our own page: a header repeats what a cookie holds, and no other site reads either."""

import hmac
import secrets

from aiohttp import web

from api.answers import answer
from api.cookies import read_cookie, set_cookie

HEADER = "X-CSRFToken"
LIFETIME_S = 365 * 86400
LENGTH = len(secrets.token_urlsafe(32))


class CsrfFailed(Exception):
    """The header is missing, or does not repeat the cookie."""


def check_csrf(request: web.Request) -> None:
    """Raises CsrfFailed."""
    token = read_cookie(request, "csrftoken").encode()
    sent = request.headers.get(HEADER, "").encode("utf-8", "surrogateescape")
    if not token:
        raise CsrfFailed("CSRF Failed: CSRF cookie not set.")
    if not hmac.compare_digest(token, sent):
        raise CsrfFailed("CSRF Failed: CSRF token missing or incorrect.")


def renew_csrf(request: web.Request, response: web.Response) -> None:
    """Give the client a new token, in the cookie and in the header."""
    _hand_out(request, response, secrets.token_urlsafe(32))


async def get_csrf(request: web.Request) -> web.Response:
    """GET /api/csrf/: 200 {}, the token in the header and the cookie; the one the client has stays valid."""
    token = read_cookie(request, "csrftoken")
    response = answer({})
    _hand_out(request, response, token if len(token) == LENGTH and token.isascii() else secrets.token_urlsafe(32))
    return response


def _hand_out(request: web.Request, response: web.Response, token: str) -> None:
    response.headers[HEADER] = token
    set_cookie(request, response, "csrftoken", token, max_age_s=LIFETIME_S)
