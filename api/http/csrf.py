"""Proof that a POST comes from our own page: a token, in a header or a hidden field, that no other site can read.

The token is derived from the session, without one from the cookie `visitor`. Both cookies come with every request that
opens a page, also by a link on another site. The cookie `csrftoken`, which existing clients expect, holds the token;
browsers withhold it from such requests, so nothing is decided by it.
"""

import hmac
import secrets

from aiohttp import web

from api.accounts.sessions import derived_token
from api.http.app_keys import SESSION
from api.http.cookies import read_cookie, set_cookie
from api.http.responses import json_response

HEADER = "X-CSRFToken"
LIFETIME_S = 365 * 86400
VISITOR = web.RequestKey("visitor", str)


class CsrfFailed(Exception):
    """The header or field is missing, or does not hold the token."""


def check_csrf(request: web.Request, sent: str) -> None:
    """`sent` is what the header says, or the hidden field of a form. Raises CsrfFailed."""
    if hmac.compare_digest(csrf_token(request).encode(), sent.encode("utf-8", "surrogateescape")):
        return
    if not read_cookie(request, "csrftoken"):
        raise CsrfFailed("CSRF Failed: CSRF cookie not set.")
    raise CsrfFailed("CSRF Failed: CSRF token missing or incorrect.")


async def get_csrf(request: web.Request) -> web.Response:
    """GET /api/csrf/: 200 {}, the token in the header and the cookie; the same until login changes it."""
    response = json_response({})
    send_token(request, response)
    return response


def csrf_token(request: web.Request) -> str:
    """The token of the caller's session or visit."""
    session = request.get(SESSION)
    return session.csrf if session is not None else derived_token(_visitor(request))


def send_token(request: web.Request, response: web.Response) -> None:
    """Give the client its token, in the cookie and in the header."""
    token = csrf_token(request)
    response.headers[HEADER] = token
    set_cookie(request, response, "csrftoken", token, max_age_s=LIFETIME_S)
    if VISITOR in request and not read_cookie(request, "visitor"):
        set_cookie(request, response, "visitor", _visitor(request), max_age_s=LIFETIME_S)


def _visitor(request: web.Request) -> str:
    """What the cookie of a visitor without a session holds, or will hold after this answer."""
    if VISITOR not in request:
        request[VISITOR] = read_cookie(request, "visitor") or secrets.token_urlsafe(32)
    return request[VISITOR]
