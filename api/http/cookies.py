"""The cookies we set, and how.

Over https their names carry the `__Host-` prefix: a browser then takes them from this very host over https only, so
that no neighbouring subdomain can plant one (source: RFC 6265bis, cookie name prefixes). Over plain http on localhost
browsers refuse that prefix.
"""

from typing import Literal

from aiohttp import web

from api.http.app_keys import CLIENTS

Name = Literal["sessionid", "csrftoken", "visitor"]
SAME_SITE: dict[Name, str] = {
    "sessionid": "Lax",  # a link from elsewhere leads a signed-in person to a signed-in page
    "csrftoken": "Strict",
    "visitor": "Lax",
}


def read_cookie(request: web.Request, name: Name) -> str:
    """The cookie's value; empty when there is none."""
    return request.cookies.get(_full(request, name), "")


def set_cookie(request: web.Request, response: web.Response, name: Name, value: str, *, max_age_s: float) -> None:
    """Hand the cookie to the client: never to scripts, never over http where https is spoken."""
    response.set_cookie(
        _full(request, name),
        value,
        path="/",
        max_age=int(max_age_s),
        httponly=True,
        secure=request.app[CLIENTS].is_secure(request),
        samesite=SAME_SITE[name],
    )


def delete_cookie(request: web.Request, response: web.Response, name: Name) -> None:
    set_cookie(request, response, name, "", max_age_s=0)


def _full(request: web.Request, name: Name) -> str:
    return f"__Host-{name}" if request.app[CLIENTS].is_secure(request) else name
