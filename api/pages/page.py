"""What every page has in common: who may see it, how forms prove where they come from, how refusals look."""

from typing import Any
from urllib.parse import quote

import aiohttp_jinja2
from aiohttp import web
from aiohttp.typedefs import Handler
from markupsafe import Markup

from api.http.access import SAFE, NotSignedIn, admit, check_access
from api.http.acting_user import check_user
from api.http.app_keys import SESSION
from api.http.csrf import CsrfFailed, check_csrf, csrf_token, hand_out
from api.http.endpoints import Access
from api.http.errors import Refusal, refusal_of

Context = dict[str, Any]
CSRF_FIELD = "csrf"
USER_FIELD = "user"
FORM_FIELDS = Markup('<input type="hidden" name="csrf" value="%s"><input type="hidden" name="user" value="%s">')
"""In every form that is posted: the CSRF token, and the id of the user for whom the page was made."""

TYPED_FIELDS = ("content", "name", "why")
ACTIONS = {
    *("join", "leave", "read", "logout", "demo-login"),
    *("pause", "resume", "skip", "rebuild", "cancel-rebuild", "retry", "discard"),
}
"""Last parts of paths that forms are sent to and that are no pages: what they belong to is one part up."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {websocket}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

OUT_OF_DATE = Refusal(403, {"detail": "The form was out of date, as after a login in another window."})


async def get_nothing(request: web.Request) -> web.StreamResponse:
    """GET of what is not there: people get a page, or what they meant but for the slash; programs the usual answer."""
    if "text/html" not in request.headers.get("Accept", ""):
        raise web.HTTPNotFound
    if not request.path.endswith("/"):
        return redirect(local(str(request.rel_url.with_path(f"{request.path}/", keep_query=True))))
    return await page(_nothing, Access.ANYBODY)(request)


async def _nothing(_: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


def page(handler: Handler, access: Access = Access.SIGNED_IN) -> Handler:
    """`handler` as a page: strangers are led to login and back, refusals are pages too."""

    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            check_access(await admit(request), access)
            if request.method not in SAFE:
                check_user(request, await field(request, USER_FIELD))
                check_csrf(request, await field(request, CSRF_FIELD))
            return await handler(request)
        except NotSignedIn:
            return redirect(f"/login/?next={quote(way_back(request))}")
        except Exception as error:
            refusal = OUT_OF_DATE if isinstance(error, CsrfFailed) else refusal_of(error)
            if refusal is None:
                raise
            return refused(request, refusal, typed=await _typed(request, error))

    return serve


def render(request: web.Request, template: str, context: Context, *, status: int = 200) -> web.Response:
    """The template with `context`, the token for its forms and the user; nothing of it is kept by anybody."""
    token = csrf_token(request)
    session = request.get(SESSION)
    user = session.user if session else None
    shared = {
        "form_fields": FORM_FIELDS % (token, user.id if user else ""),
        "user": user,
        "is_admin": session is not None and session.is_admin,
        "path": request.path,
    }
    response = aiohttp_jinja2.render_template(template, request, {**shared, **context}, status=status)
    host = request.host
    response.headers["Content-Security-Policy"] = POLICY.format(websocket=f"ws://{host} wss://{host}")
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"
    hand_out(request, response)
    return response


def refused(request: web.Request, refusal: Refusal, *, typed: str = "") -> web.Response:
    """A refusal as a page, with the text that was typed into the form."""
    body = refusal.body
    text = (
        body.get("detail") or body.get("message") or " ".join(problem for texts in body.values() for problem in texts)
    )
    context = {"status": refusal.status, "text": text, "again": way_back(request), "typed": typed}
    response = render(request, "refused.html", context, status=refusal.status)
    response.headers.update(refusal.headers)
    return response


def redirect(location: str) -> web.Response:
    """On to another page of ours, by GET."""
    return web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})


async def _typed(request: web.Request, error: Exception) -> str:
    """What a person typed into the form that was refused; empty where the form could not be read."""
    if request.method in SAFE or isinstance(error, web.HTTPRequestEntityTooLarge):
        return ""
    return "".join([await field(request, name) for name in TYPED_FIELDS])


async def field(request: web.Request, name: str) -> str:
    """A text field of the request's form, empty by default, its lines ended as people typed them."""
    value = (await request.post()).get(name, "")
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""


def way_back(request: web.Request) -> str:
    """Where somebody who has to log in first was going; for a form, the page that it is on."""
    if request.method in SAFE:
        return request.path_qs
    parent, _, action = request.path.rstrip("/").rpartition("/")
    return f"{parent}/" if action in ACTIONS else request.path


def local(target: str) -> str:
    """`target` where it is a path of this site, the front page otherwise: nobody is led elsewhere by a link to us."""
    is_path = target.startswith("/") and not target.startswith("//") and "\\" not in target and target.isprintable()
    return target if is_path else "/"
