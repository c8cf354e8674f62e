"""Proof that a POST comes from our own page: a header or hidden field repeats what a cookie holds.

Other sites can read neither.
"""

import hmac
import secrets

from aiohttp import web

from api.http.cookies import read_cookie, set_cookie
from api.http.responses import json_response

HEADER = "X-CSRFToken"
LIFETIME_S = 365 * 86400
LENGTH = len(secrets.token_urlsafe(32))


class CsrfFailed(Exception):
    """The header or field is missing, or differs from the cookie."""


def check_csrf(request: web.Request, sent: str) -> None:
    """`sent` is the header, or the hidden field of a form. Raises CsrfFailed."""
    token = read_cookie(request, "csrftoken").encode()
    if not token:
        raise CsrfFailed("CSRF Failed: CSRF cookie not set.")
    if not hmac.compare_digest(token, sent.encode("utf-8", "surrogateescape")):
        raise CsrfFailed("CSRF Failed: CSRF token missing or incorrect.")


def renew_csrf(request: web.Request, response: web.Response) -> None:
    """Give the client a new token, in the cookie and in the header."""
    send_token(request, response, secrets.token_urlsafe(32))


async def get_csrf(request: web.Request) -> web.Response:
    """GET /api/csrf/: 200 {}, the token in the header and the cookie. A token that the client has stays valid."""
    response = json_response({})
    send_token(request, response, csrf_token(request))
    return response


def csrf_token(request: web.Request) -> str:
    """The token that the client has, or a new one."""
    token = read_cookie(request, "csrftoken")
    return token if len(token) == LENGTH and token.isascii() else secrets.token_urlsafe(32)


def send_token(request: web.Request, response: web.Response, token: str) -> None:
    """Give the client this token, in the cookie and in the header."""
    response.headers[HEADER] = token
    set_cookie(request, response, "csrftoken", token, max_age_s=LIFETIME_S)
