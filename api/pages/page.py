"""What every page has in common: how it is rendered, the fields of its forms, how refusals look."""

from typing import Any

import aiohttp_jinja2
from aiohttp import web
from markupsafe import Markup

from api.http.access import SAFE
from api.http.app_keys import SESSION
from api.http.csrf import csrf_token, hand_out
from api.http.errors import Refusal

Context = dict[str, Any]
CSRF_FIELD = "csrf"
USER_FIELD = "user"
FORM_FIELDS = Markup('<input type="hidden" name="csrf" value="%s"><input type="hidden" name="user" value="%s">')
"""In every form that is posted: the CSRF token, and the id of the user for whom the page was made."""

ACTIONS = {
    *("join", "leave", "read", "logout", "demo-login"),
    *("pause", "resume", "skip", "rebuild", "cancel-rebuild", "retry", "discard"),
}
"""Last parts of paths that forms are sent to and that are no pages: what they belong to is one part up."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {websocket}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


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
