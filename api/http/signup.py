"""Signing up, the same for the API and for the page: throttled, and as far as SIGNUP allows it."""

from aiohttp import web

from api.http.app_keys import ACCOUNTS, PROXIES, SETTINGS, SIGNUPS
from projections.readmodels.shapes import User


class SignUpClosed(Exception):
    """Nobody signs up here; operators make the accounts."""


async def sign_up(request: web.Request, username: str, password: str, invitation: str) -> User:
    """Create an account. Raises TooManyRequests, SignUpClosed, InvalidField, PasswordsBusy."""
    request.app[SIGNUPS].take(request.app[PROXIES].address(request))
    policy = request.app[SETTINGS].signup
    if policy == "closed":
        raise SignUpClosed("Accounts are made by the operators of this service.")
    return await request.app[ACCOUNTS].sign_up(
        username, password, invitation=invitation if policy == "invite" else None
    )
