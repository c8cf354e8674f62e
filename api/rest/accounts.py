"""Signing up, in and out."""

from aiohttp import web
from msgspec import Struct

from api.accounts.accounts import WrongCredentials
from api.http.app_keys import ACCOUNTS, CLIENTS, PUBLISHER, SESSION, SESSIONS, SETTINGS, SIGNUPS
from api.http.cookies import delete_cookie, set_cookie
from api.http.csrf import hand_out
from api.http.parsing import InvalidFields, read_body
from api.http.responses import answer
from api.realtime import disconnect
from projections.readmodels.shapes import User


class Credentials(Struct, frozen=True):
    """A name and a password."""

    username: str
    password: str


class FirebaseConfig(Struct, frozen=True):
    """Empty: we send no push notifications; existing clients expect the object."""


class PushNotifications(Struct, frozen=True):
    enabled: bool = False
    vapid_public_key: str = ""
    firebase_config: FirebaseConfig = FirebaseConfig()


class ClientSettings(Struct, frozen=True):
    push_notifications: PushNotifications = PushNotifications()


class LoggedIn(Struct, frozen=True):
    """The user, and settings that existing clients read."""

    id: int
    username: str
    settings: ClientSettings = ClientSettings()


async def sign_up(request: web.Request) -> web.Response:
    """POST /api/signup/ {"username", "password"}: 201 User; 400 by field."""
    request.app[SIGNUPS].take(request.app[CLIENTS].address(request))
    wanted = await read_body(request, Credentials)
    return answer(await request.app[ACCOUNTS].sign_up(wanted.username, wanted.password), status=201)


async def log_in(request: web.Request) -> web.Response:
    """POST /api/login/ {"username", "password"}: 200 LoggedIn, with a new session and a new CSRF token; 400."""
    try:
        given = await read_body(request, Credentials)
    except InvalidFields:
        raise WrongCredentials("provide username and password") from None
    address = request.app[CLIENTS].address(request)
    user = await request.app[ACCOUNTS].log_in(given.username, given.password, address=address)
    return await signed_in(request, user, answer(LoggedIn(user.id, user.username)))


async def log_out(request: web.Request) -> web.Response:
    """POST /api/logout/ {}: 200 {}, the session is over everywhere."""
    await end_session(request)
    response = answer({})
    delete_cookie(request, response, "sessionid")
    return response


async def end_session(request: web.Request) -> None:
    """End the caller's session everywhere, and the connections that it opened."""
    await request.app[SESSIONS].end(request[SESSION])
    await disconnect(request[SESSION].user.id, request.app[PUBLISHER])


async def signed_in(request: web.Request, user: User, response: web.Response) -> web.Response:
    """`response`, handing out a session of `user`; one that the client still had is over."""
    token = await begin_session(request, user)
    return with_session(request, token, response)


async def begin_session(request: web.Request, user: User) -> str:
    """Open a session of `user`, which is this request's from now on; returns its token."""
    sessions = request.app[SESSIONS]
    if (before := request.get(SESSION)) is not None:
        await sessions.end(before)
    token = await sessions.open(user)
    session = await sessions.find(token)
    assert session is not None, "it was opened a moment ago"
    request[SESSION] = session
    return token


def with_session(request: web.Request, token: str, response: web.Response) -> web.Response:
    """`response`, handing out the session that this request began, and its CSRF token."""
    set_cookie(request, response, "sessionid", token, max_age_s=request.app[SETTINGS].session_lifetime_s)
    hand_out(request, response)
    return response
