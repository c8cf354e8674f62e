"""Logging in and out: the session, its cookie and its connections, the same for the API and for pages."""

import logging

from aiohttp import web

from api.accounts.known_devices import LIFETIME_S
from api.http.app_keys import ACCOUNTS, DEVICES, PROXIES, PUBLISHER, SESSION, SESSIONS, SETTINGS
from api.http.cookies import delete_cookie, read_cookie, set_cookie
from api.http.csrf import send_token
from centrifugo.publisher import PublisherUnavailable
from projections.readmodels.shapes import User

LOGGED_OUT = 4000
"""A disconnect code of ours after which clients may reconnect: see Publisher.disconnect."""

log = logging.getLogger(__name__)


async def log_in(request: web.Request, username: str, password: str) -> User:
    """The user with this name and password. Raises WrongCredentials, TooManyRequests, PasswordsBusy."""
    cookie = read_cookie(request, "device")
    return await request.app[ACCOUNTS].log_in(
        username,
        password,
        address=request.app[PROXIES].throttle_key(request),
        device_of=lambda user_id: request.app[DEVICES].device(cookie, user_id),
    )


async def start_session(request: web.Request, user: User, response: web.Response) -> web.Response:
    """`response`, which gives the client a new session of `user` and ends the one it had."""
    return send_session(request, await open_session(request, user), response)


async def open_session(request: web.Request, user: User) -> str:
    """Open a session of `user`, which is the request's from now on, and end the one it had; returns its token."""
    sessions = request.app[SESSIONS]
    if (former := request.get(SESSION)) is not None:
        await sessions.end(former)
    token = await sessions.open(user)
    session = await sessions.find(token)
    assert session is not None, "it was opened a moment ago"
    request[SESSION] = session
    return token


def send_session(request: web.Request, token: str, response: web.Response) -> web.Response:
    """`response`, which gives the client the session that this request has opened, and its CSRF token."""
    set_cookie(request, response, "sessionid", token, max_age_s=request.app[SETTINGS].session_lifetime_s)
    device = request.app[DEVICES].cookie(request[SESSION].user.id)
    set_cookie(request, response, "device", device, max_age_s=LIFETIME_S)
    send_token(request, response)
    return response


async def end_session(request: web.Request, response: web.Response) -> web.Response:
    """`response`, after the caller's session has ended everywhere, and with it the connections that it opened.

    The user's other devices, still logged in, reconnect with a new token. A real-time server that is away does not
    stop a logout: tokens last two minutes.
    """
    session = request[SESSION]
    await request.app[SESSIONS].end(session)
    try:
        await request.app[PUBLISHER].disconnect(str(session.user.id), code=LOGGED_OUT, reason="logged out")
    except PublisherUnavailable as error:
        log.warning("not disconnected", extra={"user_id": session.user.id, "reason": str(error)})
    delete_cookie(request, response, "sessionid")
    return response
