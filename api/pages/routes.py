"""The URLs of pages."""

from collections.abc import Iterable

from aiohttp import web

from api.http.endpoints import Access
from api.pages import account, dead_letter, history, operations, room, rooms
from api.pages.page import get_unknown, page

EVERYONE = Access.EVERYONE
ADMIN = Access.ADMIN
ROOM = "/rooms/{room_id}"
DEAD_LETTER = "/operations/dead-letters/{dead_letter_id}"


def page_routes() -> Iterable[web.RouteDef]:
    """Every page, and every form on one."""
    yield web.get("/", page(rooms.get_home))
    yield web.get("/signup/", page(account.get_signup, EVERYONE))
    yield web.post("/signup/", page(account.post_signup, EVERYONE))
    yield web.get("/login/", page(account.get_login, EVERYONE))
    yield web.post("/login/", page(account.post_login, EVERYONE))
    yield web.post("/demo-login/", page(account.post_demo_login, EVERYONE))
    yield web.post("/logout/", page(account.post_logout))
    yield web.get("/account/", page(account.get_account))
    yield web.get("/rooms/", page(rooms.get_rooms))
    yield web.get("/discover/", page(rooms.get_discover))
    yield web.post("/discover/", page(rooms.post_room))
    yield web.get(f"{ROOM}/", page(room.get_room))
    yield web.post(f"{ROOM}/", page(room.post_message))
    yield web.post(f"{ROOM}/join/", page(rooms.post_join))
    yield web.post(f"{ROOM}/leave/", page(rooms.post_leave))
    yield web.get(f"{ROOM}/history/", page(history.get_history))
    yield web.get("/operations/", page(operations.get_operations, ADMIN))
    yield web.post("/operations/pause/", page(operations.post_pause, ADMIN))
    yield web.post("/operations/resume/", page(operations.post_resume, ADMIN))
    yield web.post("/operations/skip/", page(operations.post_skip, ADMIN))
    yield web.post("/operations/rebuild/", page(operations.post_rebuild, ADMIN))
    yield web.post("/operations/cancel-rebuild/", page(operations.post_cancel_rebuild, ADMIN))
    yield web.get(f"{DEAD_LETTER}/", page(dead_letter.get_dead_letter, ADMIN))
    yield web.post(f"{DEAD_LETTER}/retry/", page(dead_letter.post_retry, ADMIN))
    yield web.post(f"{DEAD_LETTER}/discard/", page(dead_letter.post_discard, ADMIN))
    yield web.get("/{path:(?!api/).*}", get_unknown)
