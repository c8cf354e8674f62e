"""The URLs of pages."""

from collections.abc import Iterable

from aiohttp import web

from api.http.endpoints import Access
from api.pages import account as pages_account
from api.pages import dead_letter as pages_dead_letter
from api.pages import history as pages_history
from api.pages import operations as pages_operations
from api.pages import room as pages_room
from api.pages import rooms as pages_rooms
from api.pages.admission import get_nothing, page

ANYBODY = Access.ANYBODY
ADMIN = Access.ADMIN
ROOM = "/rooms/{room_id}"
LETTER = "/operations/dead-letters/{dead_letter_id}"


def page_routes() -> Iterable[web.RouteDef]:
    """Every page, and every form on one."""
    yield web.get("/", page(pages_rooms.get_home))
    yield web.get("/signup/", page(pages_account.get_signup, ANYBODY))
    yield web.post("/signup/", page(pages_account.post_signup, ANYBODY))
    yield web.get("/login/", page(pages_account.get_login, ANYBODY))
    yield web.post("/login/", page(pages_account.post_login, ANYBODY))
    yield web.post("/demo-login/", page(pages_account.post_demo_login, ANYBODY))
    yield web.post("/logout/", page(pages_account.post_logout))
    yield web.get("/account/", page(pages_account.get_account))
    yield web.get("/rooms/", page(pages_rooms.get_rooms))
    yield web.get("/discover/", page(pages_rooms.get_discover))
    yield web.post("/discover/", page(pages_rooms.post_room))
    yield web.get(f"{ROOM}/", page(pages_room.get_room))
    yield web.post(f"{ROOM}/", page(pages_room.post_message))
    yield web.post(f"{ROOM}/read/", page(pages_room.post_read))
    yield web.post(f"{ROOM}/join/", page(pages_rooms.post_join))
    yield web.post(f"{ROOM}/leave/", page(pages_rooms.post_leave))
    yield web.get(f"{ROOM}/history/", page(pages_history.get_history))
    yield web.get("/operations/", page(pages_operations.get_operations, ADMIN))
    yield web.post("/operations/pause/", page(pages_operations.post_pause, ADMIN))
    yield web.post("/operations/resume/", page(pages_operations.post_resume, ADMIN))
    yield web.post("/operations/skip/", page(pages_operations.post_skip, ADMIN))
    yield web.post("/operations/rebuild/", page(pages_operations.post_rebuild, ADMIN))
    yield web.post("/operations/cancel-rebuild/", page(pages_operations.post_cancel_rebuild, ADMIN))
    yield web.get(f"{LETTER}/", page(pages_dead_letter.get_dead_letter, ADMIN))
    yield web.post(f"{LETTER}/retry/", page(pages_dead_letter.post_retry, ADMIN))
    yield web.post(f"{LETTER}/discard/", page(pages_dead_letter.post_discard, ADMIN))
    yield web.get("/{path:(?!api/).*}", get_nothing)
