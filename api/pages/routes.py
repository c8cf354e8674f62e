"""The URLs of pages. Each page, with the forms on it, stands with its handlers."""

from collections.abc import Iterable

from aiohttp import web

from api.pages import account, message, room, rooms, search
from api.pages.admission import get_unknown
from api.pages.entering import invitations, room_entry
from api.pages.history import history
from api.pages.operators import custody, dead_letter, operations
from api.pages.people import decisions


def page_routes() -> Iterable[web.RouteDef]:
    """Every page, and every form on one."""
    yield from rooms.ROUTES
    yield from account.ROUTES
    yield from room.ROUTES
    yield from decisions.ROUTES
    yield from invitations.ROUTES
    yield from room_entry.ROUTES
    yield from message.ROUTES
    yield from history.ROUTES
    yield from search.ROUTES
    yield from operations.ROUTES
    yield from dead_letter.ROUTES
    yield from custody.ROUTES
    yield web.get("/{path:(?!api/).*}", get_unknown)
