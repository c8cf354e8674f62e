"""Which user a page acts for. Its requests say so, and are refused after another user logs in in the same browser."""

from aiohttp import web

from api.http.app_keys import SESSION

HEADER = "X-User"


class OtherUser(Exception):
    """The request is meant for one user, its session belongs to another."""


def check_user(request: web.Request, meant_for: str) -> None:
    """`meant_for` is a user's id, from the header or the hidden field of a form; empty where a client does not say.

    Raises OtherUser unless the session is that user's.
    """
    if not meant_for or SESSION not in request:
        return
    user = request[SESSION].user
    if meant_for != str(user.id):
        raise OtherUser(f"This page belongs to another user. In this browser, {user.username} is logged in now.")
