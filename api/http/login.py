"""Signing up, logging in and out: the session, its cookie and its connections, the same for the API and for pages."""

import logging
from collections.abc import Callable

from aiohttp import web

from api.accounts.devices import device_of, network_of
from api.accounts.known_devices import LIFETIME_S
from api.http.app_keys import (
    ACCOUNT_CHANGES,
    ACCOUNTS,
    DEVICES,
    PROXIES,
    PUBLISHER,
    SESSION,
    SESSIONS,
    SETTINGS,
    SIGNUPS,
)
from api.http.cookies import delete_cookie, read_cookie, set_cookie
from api.http.csrf import send_token
from api.loopback import is_loopback
from centrifugo.publisher import PublisherUnavailable
from domain.values import UserId
from projections.readmodels.shapes import User

LOGGED_OUT = 4000
"""A disconnect code of ours after which clients may reconnect: see Publisher.disconnect."""
DEACTIVATED = 4500
"""A disconnect code after which clients stay away: the account can no longer log in."""

log = logging.getLogger(__name__)


class SignUpClosed(Exception):
    """Sign-up is closed; only operators create accounts."""


async def sign_up(request: web.Request, username: str, password: str, invitation: str) -> User:
    """Create an account. Raises SignUpClosed, TooManyRequests, InvalidField, PasswordsBusy."""
    policy = request.app[SETTINGS].signup
    if policy == "closed":
        raise SignUpClosed("Accounts are created by the operators of this service.")
    await request.app[SIGNUPS].take(request.app[PROXIES].throttle_key(request))
    return await request.app[ACCOUNTS].sign_up(
        username, password, invitation=invitation if policy == "invite" else None
    )


async def log_in(request: web.Request, username: str, password: str) -> User:
    """The user with this name and password. Raises WrongCredentials, TooManyRequests, PasswordsBusy."""
    return await request.app[ACCOUNTS].log_in(
        username,
        password,
        address=request.app[PROXIES].throttle_key(request),
        device_of=_known_device(request),
        may_use_demo=may_use_demo(request),
    )


async def change_password(request: web.Request, *, current: str, new: str) -> None:
    """Change the caller's password, end their other sessions. Raises InvalidField, TooManyRequests, PasswordsBusy."""
    session = request[SESSION]
    await request.app[ACCOUNT_CHANGES].change_password(
        session,
        current=current,
        new=new,
        address=request.app[PROXIES].throttle_key(request),
        device_of=_known_device(request),
    )
    await disconnect(request, session.user.id)


def _known_device(request: web.Request) -> Callable[[UserId], str | None]:
    """Names the client's device for a user who has logged in on it."""
    cookie = read_cookie(request, "device")
    return lambda user_id: request.app[DEVICES].device(cookie, user_id)


def may_use_demo(request: web.Request) -> bool:
    """Whether the client may log in to demo accounts: the demo is on, and the client is on this machine.

    A proxy on this machine that does not name its client may forward for clients elsewhere.
    """
    proxies = request.app[PROXIES]
    is_local = is_loopback(proxies.address(request)) and not proxies.hides_client(request)
    return request.app[SETTINGS].seeds_demo and is_local


async def start_session(request: web.Request, user: User, response: web.Response) -> web.Response:
    """`response`, which gives the client a new session of `user` and ends the one it had."""
    return send_session(request, await open_session(request, user), response)


async def open_session(request: web.Request, user: User) -> str:
    """Open a session of `user`, which is the request's from now on, and end the one it had; returns its token."""
    sessions = request.app[SESSIONS]
    if (former := request.get(SESSION)) is not None:
        await sessions.end(former)
    token = await sessions.open(
        user,
        device=device_of(request.headers.get("User-Agent", "")),
        network=network_of(request.app[PROXIES].address(request)),
    )
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
    """`response`, after the caller's session has ended everywhere, and with it the connections that it opened."""
    session = request[SESSION]
    await request.app[SESSIONS].end(session)
    await disconnect(request, session.user.id)
    delete_cookie(request, response, "sessionid")
    return response


async def end_all_sessions(request: web.Request, response: web.Response) -> web.Response:
    """`response`, after all sessions of the caller have ended everywhere, and their connections."""
    user = request[SESSION].user
    await request.app[SESSIONS].end_all(user.id)
    await disconnect(request, user.id)
    delete_cookie(request, response, "sessionid")
    return response


async def disconnect(request: web.Request, user_id: UserId) -> None:
    """End the real-time connections of a user. Devices that are still logged in reconnect with a new token.

    Succeeds also when the real-time server is away: tokens last two minutes.
    """
    await _disconnect(request, user_id, code=LOGGED_OUT, reason="logged out")


async def disconnect_for_good(request: web.Request, user_id: UserId) -> None:
    """The same where the account has gone: no device comes back, not even with a token that is still valid."""
    await _disconnect(request, user_id, code=DEACTIVATED, reason="deactivated")


async def _disconnect(request: web.Request, user_id: UserId, *, code: int, reason: str) -> None:
    try:
        await request.app[PUBLISHER].disconnect(str(user_id), code=code, reason=reason)
    except PublisherUnavailable as error:
        log.warning("not disconnected", extra={"user_id": user_id, "reason": str(error)})
