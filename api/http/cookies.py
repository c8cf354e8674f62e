"""The cookies we set.

Over https their names carry the `__Host-` prefix: a browser then accepts them from this host over https only, so
another subdomain cannot set one (source: RFC 6265bis, cookie name prefixes). Browsers refuse that prefix over plain
http on localhost.
"""

from typing import Literal

from aiohttp import web

from api.http.app_keys import PROXIES

Name = Literal["sessionid", "csrftoken", "visitor", "device"]
SAME_SITE: dict[Name, str] = {
    "sessionid": "Lax",  # a link from another site leads a logged-in user to a logged-in page
    "csrftoken": "Strict",
    "visitor": "Lax",
    "device": "Strict",
}


def read_cookie(request: web.Request, name: Name) -> str:
    """The cookie's value; empty when there is none, or one that we cannot have set."""
    wanted, value = _full(request, name), ""
    for pair in request.headers.get("Cookie", "").split(";"):
        found, _, sent = pair.partition("=")
        if found.strip() == wanted:
            value = sent.strip()
    return value if value.isascii() and value.isprintable() else ""


def set_cookie(request: web.Request, response: web.Response, name: Name, value: str, *, max_age_s: float) -> None:
    """Set the cookie, hidden from scripts and, where the client uses https, from plain http."""
    response.set_cookie(
        _full(request, name),
        value,
        path="/",
        max_age=int(max_age_s),
        httponly=True,
        secure=request.app[PROXIES].is_secure(request),
        samesite=SAME_SITE[name],
    )


def delete_cookie(request: web.Request, response: web.Response, name: Name) -> None:
    set_cookie(request, response, name, "", max_age_s=0)


def _full(request: web.Request, name: Name) -> str:
    return f"__Host-{name}" if request.app[PROXIES].is_secure(request) else name
