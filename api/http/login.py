"""Logging in and out: the session, its cookie and its connections, the same for the API and for pages."""

import logging

from aiohttp import web

from api.accounts.devices import device_of, network_of
from api.http.app_keys import PROXIES, PUBLISHER, SESSION, SESSIONS, SETTINGS
from api.http.cookies import delete_cookie, set_cookie
from api.http.csrf import renew_csrf
from api.loopback import is_loopback
from centrifugo.publisher import PublisherUnavailable
from domain.values import UserId
from projections.readmodels.shapes import User

LOGGED_OUT = 4000
"""A disconnect code of ours after which clients may reconnect: see Publisher.disconnect."""

log = logging.getLogger(__name__)


def may_use_demo(request: web.Request) -> bool:
    """Whether the client may log in to demo accounts: the demo is on, and the client is on this machine.

    A proxy on this machine that is not trusted speaks for others.
    """
    proxies = request.app[PROXIES]
    is_local = is_loopback(proxies.address(request)) and not proxies.passes_on_unheard(request)
    return request.app[SETTINGS].seeds_demo and is_local


async def start_session(request: web.Request, user: User, response: web.Response) -> web.Response:
    """`response`, which gives the client a new session of `user` and ends the one it had."""
    if (former := request.get(SESSION)) is not None:
        await request.app[SESSIONS].end(former)
    token = await request.app[SESSIONS].open(
        user,
        device=device_of(request.headers.get("User-Agent", "")),
        network=network_of(request.app[PROXIES].address(request)),
    )
    set_cookie(request, response, "sessionid", token, max_age_s=request.app[SETTINGS].session_lifetime_s)
    renew_csrf(request, response)
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

    A real-time server that is away stops nothing: tokens last two minutes.
    """
    try:
        await request.app[PUBLISHER].disconnect(str(user_id), code=LOGGED_OUT, reason="logged out")
    except PublisherUnavailable as error:
        log.warning("not disconnected", extra={"user_id": user_id, "reason": str(error)})
