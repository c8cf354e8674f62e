"""What one user may record in a while, by the API and by forms together."""

from aiohttp import web

from api.http.app_keys import MESSAGES, ROOMS, SESSION


def count_message(request: web.Request) -> None:
    """Count a message that the caller posts. Raises TooManyRequests."""
    request.app[MESSAGES].take(request[SESSION].user.id)


def count_room(request: web.Request) -> None:
    """Count a room that the caller opens. Raises TooManyRequests."""
    request.app[ROOMS].take(request[SESSION].user.id)
