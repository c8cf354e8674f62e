"""What all pages share: access, CSRF fields of forms, rendering, refusals."""

from typing import Any
from urllib.parse import quote

import aiohttp_jinja2
from aiohttp import web
from aiohttp.typedefs import Handler

from api.http.access import SAFE, NotLoggedIn, check_access, identify
from api.http.app_keys import SESSION
from api.http.csrf import CsrfFailed, check_csrf, csrf_token, send_token
from api.http.endpoints import Access
from api.http.errors import Refusal, refusal_of

Context = dict[str, Any]
ROOM = "/rooms/{room_id}"
"""Where the pages of a room are."""

CSRF_FIELD = "csrf"
ACTIONS = {
    *("join", "leave", "logout", "demo-login", "password", "end-session", "end-all-sessions"),
    *("pause", "resume", "skip", "rebuild", "cancel-rebuild", "retry", "discard"),
}
"""Last parts of paths that take forms but are not pages. The page of such a form is one level up."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {websocket}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

OUT_OF_DATE = Refusal(403, {"detail": "The form has expired, perhaps by a login in another window."})


async def get_unknown(request: web.Request) -> web.StreamResponse:
    """GET of an unknown path: browsers get a page, or a redirect where only the slash is missing; programs get JSON."""
    if "text/html" not in request.headers.get("Accept", ""):
        raise web.HTTPNotFound
    if not request.path.endswith("/"):
        return redirect(local_path(str(request.rel_url.with_path(f"{request.path}/", keep_query=True))))
    return await page(_not_found, Access.EVERYONE)(request)


async def _not_found(_: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


def page(handler: Handler, access: Access = Access.LOGGED_IN) -> Handler:
    """`handler` as a page: those who are not logged in are sent to the login and back, refusals are pages too."""

    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            check_access(await identify(request), access)
            if request.method not in SAFE:
                check_csrf(request, await field(request, CSRF_FIELD))
            return await handler(request)
        except NotLoggedIn:
            return redirect(f"/login/?next={quote(return_path(request))}")
        except Exception as error:
            refusal = OUT_OF_DATE if isinstance(error, CsrfFailed) else refusal_of(error)
            if refusal is None:
                raise
            return refusal_page(request, refusal)

    return serve


def render(request: web.Request, template: str, context: Context, *, status: int = 200) -> web.Response:
    """The template with `context`, the user, and the token for its forms. Not to be cached."""
    token = csrf_token(request)
    session = request.get(SESSION)
    shared = {
        "csrf": token,
        "user": session.user if session else None,
        "is_admin": session is not None and session.is_admin,
        "path": request.path,
    }
    response = aiohttp_jinja2.render_template(template, request, {**shared, **context}, status=status)
    host = request.host
    response.headers["Content-Security-Policy"] = POLICY.format(websocket=f"ws://{host} wss://{host}")
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"
    send_token(request, response, token)
    return response


def refusal_page(request: web.Request, refusal: Refusal) -> web.Response:
    """A refusal as a page."""
    body = refusal.body
    text = (
        body.get("detail") or body.get("message") or " ".join(problem for texts in body.values() for problem in texts)
    )
    context = {"status": refusal.status, "text": text, "again": return_path(request)}
    response = render(request, "refused.html", context, status=refusal.status)
    response.headers.update(refusal.headers)
    return response


def redirect(location: str) -> web.Response:
    """A redirect to another page of ours, by GET."""
    return web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})


async def field(request: web.Request, name: str) -> str:
    """A text field of the request's form, empty by default, its lines ended as people typed them."""
    value = (await request.post()).get(name, "")
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""


def return_path(request: web.Request) -> str:
    """Where to return after a login: the page that was asked for or, for a form, the page that it is on."""
    if request.method in SAFE:
        return request.path_qs
    parent, _, action = request.path.rstrip("/").rpartition("/")
    return f"{parent}/" if action in ACTIONS else request.path


def local_path(target: str) -> str:
    """`target` if it is a path of this site, otherwise the front page: a link to us never redirects to another site."""
    is_path = target.startswith("/") and not target.startswith("//") and "\\" not in target and target.isprintable()
    return target if is_path else "/"
