"""What every request of an endpoint passes before its handler: throttle, session, CSRF."""

from aiohttp import web
from aiohttp.typedefs import Handler

from api.accounts.sessions import Session
from api.http.app_keys import CLIENTS, REQUESTS, SESSION, SESSIONS
from api.http.cookies import read_cookie
from api.http.csrf import HEADER, check_csrf
from api.http.endpoints import Access

SAFE = ("GET", "HEAD")


class NotSignedIn(Exception):
    """The request carries no session that is alive."""


class NotAnAdmin(Exception):
    """The session is not an admin's."""


class Unauthorized(Exception):
    """As NotSignedIn, for the real-time client: it expects 401 then, and stops asking."""


class PermissionDenied(Exception):
    """The channel is not for the caller."""


def guarded(handler: Handler, access: Access) -> Handler:
    """`handler`, called only when the request may be answered; `request[SESSION]` is there when somebody is signed in.

    Raises TooManyRequests, NotSignedIn, NotAnAdmin, CsrfFailed, in this order.
    """

    async def guard(request: web.Request) -> web.StreamResponse:
        check_access(await admit(request), access)
        if request.method not in SAFE:
            check_csrf(request, request.headers.get(HEADER, ""))
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
