"""Who may see a page and send its forms. Others are sent to the login and back, with what they typed."""

from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler

from api.http.access import SAFE, NotLoggedIn, check_access, identify
from api.http.acting_user import HEADER as USER_HEADER
from api.http.acting_user import check_user
from api.http.csrf import CsrfFailed, check_csrf
from api.http.endpoints import Access
from api.http.errors import Refusal, note_refusal, refusal_of
from api.http.parsing import BadRequest, SlowBody, UnsupportedBody
from api.pages.kept_form import TYPED_FIELDS, kept_form
from api.pages.login_page import login_page
from api.pages.page import CSRF_FIELD, USER_FIELD, field, local_path, redirect, refusal_page, return_path

OUT_OF_DATE = Refusal(403, {"detail": "The form has expired, perhaps by a login in another window."})
UNREADABLE = (web.HTTPRequestEntityTooLarge, BadRequest, UnsupportedBody, SlowBody)
"""Why a form cannot be read."""


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
            return await _answer(request, handler, access)
        except Exception as error:
            note_refusal(request, error)
            refusal = OUT_OF_DATE if isinstance(error, CsrfFailed) else refusal_of(error)
            if refusal is None:
                raise
            return refusal_page(request, refusal, typed=await _typed(request, error))

    return serve


async def _answer(request: web.Request, handler: Handler, access: Access) -> web.StreamResponse:
    session = await identify(request)
    try:
        check_access(session, access)
    except NotLoggedIn as error:
        if request.method not in SAFE:  # a page that is opened without a session is an ordinary visit
            note_refusal(request, error)
        return await _log_in_first(request)
    check_user(request, request.headers.get(USER_HEADER, ""))  # a script shows the page in place of another
    if request.method not in SAFE:
        check_user(request, await field(request, USER_FIELD))
        check_csrf(request, await field(request, CSRF_FIELD))
    return await handler(request)


async def _log_in_first(request: web.Request) -> web.Response:
    """On to login, and back afterwards. A form with typed text is answered with the login page, which keeps it."""
    kept = await kept_form(request)
    if kept is None:
        return redirect(f"/login/?next={quote(return_path(request))}")
    return await login_page(request, return_path(request), kept=kept, status=403)


async def _typed(request: web.Request, error: Exception) -> str:
    """What a person typed into the form that was refused; empty where the form could not be read."""
    if request.method in SAFE or isinstance(error, UNREADABLE):
        return ""
    try:
        return "".join([await field(request, name) for name in TYPED_FIELDS])
    except UNREADABLE:
        return ""
