"""Signing up, logging in and out."""

from aiohttp import web
from msgspec import Struct

from api.accounts.accounts import WrongCredentials
from api.http import csrf, login
from api.http.endpoints import Access, Empty, Endpoint
from api.http.parsing import InvalidFields, read_body
from api.http.responses import json_response
from projections.readmodels.shapes import User


class Credentials(Struct, frozen=True):
    """A name and a password."""

    username: str
    password: str


class SignUp(Struct, frozen=True):
    """A name, a password and, where SIGNUP=invite, the token of an invitation."""

    username: str
    password: str
    invitation: str = ""


class FirebaseConfig(Struct, frozen=True):
    """Empty, since we send no push notifications. Existing clients expect the object."""


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
    """POST /api/signup/ {"username", "password", "invitation"}: 201 User; 400 by field; 403 where sign-up is closed."""
    sent = await read_body(request, SignUp)
    user = await login.sign_up(request, sent.username, sent.password, sent.invitation)
    return json_response(user, status=201)


async def log_in(request: web.Request) -> web.Response:
    """POST /api/login/ {"username", "password"}: 200 LoggedIn, with a new session and a new CSRF token; 400."""
    try:
        credentials = await read_body(request, Credentials)
    except InvalidFields:
        raise WrongCredentials("provide username and password") from None
    user = await login.log_in(request, credentials.username, credentials.password)
    return await login.start_session(request, user, json_response(LoggedIn(user.id, user.username)))


async def log_out(request: web.Request) -> web.Response:
    """POST /api/logout/ {}: 200 {}, the session is over everywhere."""
    return await login.end_session(request, json_response({}))


ENDPOINTS = (
    Endpoint("GET", "/api/csrf/", csrf.get_csrf, Empty, access=Access.EVERYONE),
    Endpoint("POST", "/api/signup/", sign_up, User, 201, SignUp, access=Access.EVERYONE),
    Endpoint("POST", "/api/login/", log_in, LoggedIn, 200, Credentials, access=Access.EVERYONE),
    Endpoint("POST", "/api/logout/", log_out, Empty),
)
