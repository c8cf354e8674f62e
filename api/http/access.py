"""What every request of an endpoint passes before its handler: throttle, session, CSRF."""

from aiohttp import web
from aiohttp.typedefs import Handler

from api.accounts.sessions import Session
from api.http.acting_user import HEADER as USER_HEADER
from api.http.acting_user import check_user
from api.http.app_keys import CLIENTS, REQUESTS, SESSION, SESSIONS
from api.http.cookies import read_cookie
from api.http.csrf import HEADER as CSRF_HEADER
from api.http.csrf import check_csrf
from api.http.endpoints import Access

SAFE = ("GET", "HEAD")


class NotSignedIn(Exception):
    """The request carries no session that is alive."""


class NotAnAdmin(Exception):
    """Somebody is signed in who may not see this."""


def guarded(handler: Handler, access: Access) -> Handler:
    """`handler`, called only when the request may be answered; `request[SESSION]` is there when somebody is signed in.

    Raises TooManyRequests, NotSignedIn, NotAnAdmin, OtherUser, CsrfFailed, in this order.
    """

    async def guard(request: web.Request) -> web.StreamResponse:
        check_access(await admit(request), access)
        check_user(request, request.headers.get(USER_HEADER, ""))
        if request.method not in SAFE:
            check_csrf(request, request.headers.get(CSRF_HEADER, ""))
        return await handler(request)

    return guard


def check_access(session: Session | None, access: Access) -> None:
    """Raises NotSignedIn or NotAnAdmin when whoever asks may not see what `access` is said of."""
    if access is Access.ANYBODY:
        return
    if session is None:
        raise NotSignedIn
    if access is Access.ADMIN and not session.is_admin:
        raise NotAnAdmin


async def admit(request: web.Request) -> Session | None:
    """Count the request against its user or address, and find out who it is. Raises TooManyRequests."""
    session = await session_of(request)
    request.app[REQUESTS].take(session.user.id if session else request.app[CLIENTS].address(request))
    if session is not None:
        request[SESSION] = session
    return session


async def session_of(request: web.Request) -> Session | None:
    """The session of the request's cookie. Without one, or with one seen a moment ago, this asks no database."""
    token = read_cookie(request, "sessionid")
    if not token:
        return None
    sessions = request.app[SESSIONS]
    return sessions.remembered(token) or await sessions.find(token)
