"""A user's own account: the password, and the sessions."""

from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from api.accounts.sessions import SessionInfo
from api.http import login
from api.http.app_keys import ACCOUNT_CHANGES, SESSION, SESSIONS
from api.http.endpoints import Access, Empty, Endpoint
from api.http.parsing import BIGINT, NoSuchPath, read_body
from api.http.responses import json_response


class NewPassword(Struct, frozen=True):
    """A change of the password, which needs the `current` one."""

    current: str
    new: str


class PasswordReset(Struct, frozen=True):
    """The token of a reset link, and the password to set."""

    token: str
    password: str


class SessionId(Struct, frozen=True):
    """One of the caller's sessions."""

    id: Annotated[int, Meta(ge=1, le=BIGINT)]


class SessionList(Struct, frozen=True):
    """The caller's sessions, the last one used first."""

    sessions: list[SessionInfo]


async def change_password(request: web.Request) -> web.Response:
    """POST /api/account/password/ {"current", "new"}: 200 {}, the user's other sessions are over; 400 by field."""
    sent = await read_body(request, NewPassword)
    await login.change_password(request, current=sent.current, new=sent.new)
    return json_response({})


async def reset_password(request: web.Request) -> web.Response:
    """POST /api/password-reset/ {"token", "password"}: 200 {}, all the user's sessions are over; 400 by field."""
    sent = await read_body(request, PasswordReset)
    await login.disconnect(request, await request.app[ACCOUNT_CHANGES].reset_password(sent.token, sent.password))
    return json_response({})


async def get_sessions(request: web.Request) -> web.Response:
    """GET /api/sessions/: 200 SessionList."""
    return json_response(SessionList(await request.app[SESSIONS].of(request[SESSION])))


async def end_session_by_id(request: web.Request) -> web.Response:
    """POST /api/sessions/end/ {"id"}: 200 {}, that session is over everywhere; 404 unless it is the caller's."""
    sent = await read_body(request, SessionId)
    user = request[SESSION].user
    if not await request.app[SESSIONS].end_one(user.id, sent.id):
        raise NoSuchPath(str(sent.id))
    await login.disconnect(request, user.id)
    return json_response({})


async def end_sessions(request: web.Request) -> web.Response:
    """POST /api/sessions/end-all/ {}: 200 {}, all sessions of the caller are over, this one too."""
    return await login.end_all_sessions(request, json_response({}))


ENDPOINTS = (
    Endpoint("POST", "/api/account/password/", change_password, Empty, 200, NewPassword),
    Endpoint("POST", "/api/password-reset/", reset_password, Empty, 200, PasswordReset, access=Access.EVERYONE),
    Endpoint("GET", "/api/sessions/", get_sessions, SessionList),
    Endpoint("POST", "/api/sessions/end/", end_session_by_id, Empty, 200, SessionId, refusals=(404,)),
    Endpoint("POST", "/api/sessions/end-all/", end_sessions, Empty),
)
