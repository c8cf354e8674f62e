"""What all pages share: rendering, the fields of their forms, refusals."""

import secrets
from typing import Any

import aiohttp_jinja2
from aiohttp import web
from markupsafe import Markup

from api.http.access import SAFE
from api.http.app_keys import SESSION
from api.http.csrf import csrf_token, send_token
from api.http.errors import Refusal
from api.http.files.form_files import MULTIPART, FormWithFiles
from api.http.parsing import checked_key, read_form
from domain.values import ClientId

Context = dict[str, Any]
ROOM = "/rooms/{room_id}"
"""Where the pages of a room are."""

FIELDS = web.RequestKey("fields", dict[str, str])
"""The fields of the request's form, once they are read."""
WITH_FILES = web.RequestKey("with_files", FormWithFiles)
"""The form, where it may bring files. They are read after its fields."""
CSRF_FIELD = "csrf"
USER_FIELD = "user"
FORM_FIELDS = Markup('<input type="hidden" name="csrf" value="%s"><input type="hidden" name="user" value="%s">')
"""In every form that is posted: the CSRF token, and the id of the user for whom the page was made."""

ACTIONS = {
    *("join", "leave", "read", "rename", "logout", "demo-login"),
    *("edit", "retract", "react", "unreact", "pin", "unpin"),
    *("password", "end-session", "end-all-sessions"),
    *("role", "remove", "ban", "mute", "lift-ban", "lift-mute", "topic", "archive", "reopen"),
    *("invite", "withdraw", "make-link", "revoke-link", "visibility", "reading", "decline"),
    *("place-hold", "end-hold", "set-rule", "end-rule"),
    *("pause", "resume", "skip", "rebuild", "cancel-rebuild", "retry", "discard"),
}
"""Last parts of paths that take forms but are not pages. The page of such a form is one level up."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {websocket}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def render(request: web.Request, template: str, context: Context, *, status: int = 200) -> web.Response:
    """The template with `context`, the user, the token for its forms, and a key for each of them to begin its own with.
    Not to be cached. `address` is where a page is that answers a form: scripts put it in the place of the form's.
    """
    token = csrf_token(request)
    session = request.get(SESSION)
    user = session.user if session else None
    shared = {
        "form_fields": FORM_FIELDS % (token, user.id if user else ""),
        "user": user,
        "key": secrets.token_urlsafe(16),
        "is_admin": session is not None and session.is_admin,
        "path": request.path,
        "address": "" if request.method in SAFE else return_path(request),
    }
    response = aiohttp_jinja2.render_template(template, request, {**shared, **context}, status=status)
    host = request.host
    response.headers["Content-Security-Policy"] = POLICY.format(websocket=f"ws://{host} wss://{host}")
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"
    send_token(request, response)
    return response


def refusal_page(request: web.Request, refusal: Refusal, *, typed: str = "") -> web.Response:
    """A refusal as a page, with the text that was typed into the form."""
    body = refusal.body
    text = (
        body.get("detail") or body.get("message") or " ".join(problem for texts in body.values() for problem in texts)
    )
    context = {"status": refusal.status, "text": text, "again": return_path(request), "typed": typed}
    response = render(request, "refused.html", context, status=refusal.status)
    response.headers.update(refusal.headers)
    return response


def redirect(location: str) -> web.Response:
    """A redirect to another page of ours, by GET."""
    return web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})


async def field(request: web.Request, name: str) -> str:
    """A text field of the request's form, empty by default."""
    return (await form_fields(request)).get(name, "")


async def form_fields(request: web.Request) -> dict[str, str]:
    """The fields of the request's form, their lines ended as people typed them."""
    if FIELDS not in request:
        if request.content_type == MULTIPART:
            request[WITH_FILES] = await FormWithFiles.begin(request)
            sent = request[WITH_FILES].fields
        else:
            sent = await read_form(request)
        request[FIELDS] = {name: text.replace("\r\n", "\n") for name, text in sent.items()}
    return request[FIELDS]


async def key_field(request: web.Request) -> ClientId | None:
    """The key of the request's form, as `Idempotency-Key` is for the API; None without one. Raises BadKey."""
    key = await field(request, "key")
    return checked_key(key) if key else None


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
