"""Who may call a handler: throttle, session and CSRF are checked before it runs."""

from aiohttp import web
from aiohttp.typedefs import Handler

from api.accounts.sessions import Session
from api.http.acting_user import HEADER as USER_HEADER
from api.http.acting_user import check_user
from api.http.app_keys import PROXIES, REQUESTS, SESSION, SESSIONS
from api.http.cookies import read_cookie
from api.http.csrf import HEADER as CSRF_HEADER
from api.http.csrf import check_csrf
from api.http.endpoints import Access

SAFE = ("GET", "HEAD")


class NotLoggedIn(Exception):
    """The request carries no open session."""


class NotAnAdmin(Exception):
    """The session is not an admin's."""


class Unauthorized(Exception):
    """As NotLoggedIn, for the real-time client: it expects 401 then, and stops asking."""


class PermissionDenied(Exception):
    """The channel is not for the caller."""


def restricted(handler: Handler, access: Access) -> Handler:
    """`handler`, called only for those who have `access`; `request[SESSION]` is set when the caller is logged in.

    Raises TooManyRequests, NotLoggedIn, NotAnAdmin, OtherUser, CsrfFailed, in this order.
    """

    async def check_and_handle(request: web.Request) -> web.StreamResponse:
        check_access(await identify(request), access)
        check_user(request, request.headers.get(USER_HEADER, ""))
        if request.method not in SAFE:
            check_csrf(request, request.headers.get(CSRF_HEADER, ""))
        return await handler(request)

    return check_and_handle


def check_access(session: Session | None, access: Access) -> None:
    """Raises NotLoggedIn or NotAnAdmin unless the session satisfies `access`."""
    if access is Access.EVERYONE:
        return
    if session is None:
        raise NotLoggedIn
    if access is Access.ADMIN and not session.is_admin:
        raise NotAnAdmin


async def identify(request: web.Request) -> Session | None:
    """Find the caller's session, and count the request against their user or address. Raises TooManyRequests."""
    session = await session_of(request)
    request.app[REQUESTS].take(session.user.id if session else request.app[PROXIES].throttle_key(request))
    if session is not None:
        request[SESSION] = session
    return session


async def session_of(request: web.Request) -> Session | None:
    """The session of the request's cookie. Asks the database only when the session is not in memory."""
    token = read_cookie(request, "sessionid")
    if not token:
        return None
    sessions = request.app[SESSIONS]
    return sessions.cached(token) or await sessions.find(token)
