"""Who may see a page and send its forms: strangers are led to login and back, with what they typed."""

from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler

from api.http.access import SAFE, NotSignedIn, admit, check_access
from api.http.acting_user import check_user
from api.http.csrf import CsrfFailed, check_csrf
from api.http.endpoints import Access
from api.http.errors import Refusal, refusal_of
from api.pages.kept_form import TYPED_FIELDS, kept_form
from api.pages.login_page import login_page
from api.pages.page import CSRF_FIELD, USER_FIELD, field, local, redirect, refused, way_back

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
            return await _answer(request, handler, access)
        except Exception as error:
            refusal = OUT_OF_DATE if isinstance(error, CsrfFailed) else refusal_of(error)
            if refusal is None:
                raise
            return refused(request, refusal, typed=await _typed(request, error))

    return serve


async def _answer(request: web.Request, handler: Handler, access: Access) -> web.StreamResponse:
    session = await admit(request)
    try:
        check_access(session, access)
    except NotSignedIn:
        return await _log_in_first(request)
    if request.method not in SAFE:
        check_user(request, await field(request, USER_FIELD))
        check_csrf(request, await field(request, CSRF_FIELD))
    return await handler(request)


async def _log_in_first(request: web.Request) -> web.Response:
    """On to login, and back afterwards. A form with typed text is answered with the login page, which keeps it."""
    kept = await kept_form(request)
    if kept is None:
        return redirect(f"/login/?next={quote(way_back(request))}")
    return login_page(request, way_back(request), kept=kept, status=403)


async def _typed(request: web.Request, error: Exception) -> str:
    """What a person typed into the form that was refused; empty where the form could not be read."""
    if request.method in SAFE or isinstance(error, web.HTTPRequestEntityTooLarge):
        return ""
    return "".join([await field(request, name) for name in TYPED_FIELDS])
