"""The lists of rooms, the user's own and all, and the forms that open, join and leave a room."""

import contextlib
from urllib.parse import urlencode

from aiohttp import web

from api.http.access import SAFE
from api.http.app_keys import CORE, SESSION
from api.http.limits import count_room
from api.http.paging import NoSuchPage, page_number
from api.http.parsing import query_text, room_id
from api.http.rooms import leaving
from api.http.rooms.entering import direct_room
from api.pages.admission import page
from api.pages.page import ROOM, field, key_field, redirect, render
from api.pages.state import IN_SIDEBAR, layout_context, my_rooms
from domain.errors import AlreadyAMember, InvalidField, NameTaken
from domain.room.access import as_history, as_visibility
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.opening import OpenRoom
from projections.readmodels.queries import PAGE


async def get_home(request: web.Request) -> web.Response:
    """GET /: redirect to the user's rooms."""
    return redirect("/rooms/")


async def get_rooms(request: web.Request) -> web.Response:
    """GET /rooms/?page=: the user's rooms, latest bumped first."""
    number = page_number(request)
    found = await request.app[CORE].queries.rooms(request[SESSION].user.id, page=number)
    if found.value is None:
        raise NoSuchPage
    state = await my_rooms(
        request, *(room.id for room in found.value.results), listed=PAGE if number == 1 else IN_SIDEBAR
    )
    listed = state.rooms if number == 1 else found.value.results
    context = {**layout_context(state), "rooms": listed, **_neighbours(request, number, found.value.count)}
    return render(request, "rooms.html", context)


async def get_discover(request: web.Request) -> web.Response:
    """GET /discover/?q=&page=: public rooms, and forms that open a room and start a direct conversation."""
    return await _discover(request)


async def _discover(request: web.Request, *, status: int = 200, **typed: str) -> web.Response:
    """`typed` are fields of a refused form, and the reason."""
    number = page_number(request)
    text = query_text(request, "q")
    state = await my_rooms(request)
    found = await request.app[CORE].queries.search(state.user.id, text, page=number)
    if found.value is None:
        raise NoSuchPage
    context = {
        **layout_context(state),
        **_neighbours(request, number, found.value.count),
        "found": found.value,
        "q": text,
        "name": "",
        "visibility": "",
        "history": "",
        "problem": "",
        "usernames": "",
        "direct_problem": "",
        "address": "" if request.method in SAFE else "/discover/",
        **typed,
    }
    return render(request, "discover.html", context, status=status)


async def post_room(request: web.Request) -> web.Response:
    """POST /discover/: open a room and redirect to it."""
    name, key = await field(request, "name"), await key_field(request)
    visibility, history = await field(request, "visibility") or "public", await field(request, "history") or "all"
    typed = {"name": name, "visibility": visibility, "history": history}
    count_room(request)
    try:
        command = OpenRoom(name, request[SESSION].user.id, key, as_visibility(visibility), as_history(history))
        recorded = await request.app[CORE].chat.open_room(command)
    except InvalidField as error:
        return await _discover(request, problem=str(error), status=400, **typed)
    except NameTaken as error:
        return await _discover(request, problem=str(error), status=409, **typed)
    return redirect(f"/rooms/{recorded.event.originator_id}/")


async def post_direct(request: web.Request) -> web.Response:
    """POST /direct/: start a direct conversation, or go to the one that these people have."""
    typed, key = await field(request, "usernames"), await key_field(request)
    usernames = [name.strip() for name in typed.split(",") if name.strip()]
    try:
        room, _ = await direct_room(request, usernames, key=key)
    except InvalidField as error:
        return await _discover(request, usernames=typed, direct_problem=str(error), status=400)
    return redirect(f"/rooms/{room.value.id}/")


async def post_join(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/join/: become a member and redirect to the room."""
    room = room_id(request)
    with contextlib.suppress(AlreadyAMember):  # joined already, perhaps in another window
        await request.app[CORE].chat.join_room(JoinRoom(room, request[SESSION].user.id, await key_field(request)))
    return redirect(f"/rooms/{room}/")


async def post_leave(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/leave/."""
    command = LeaveRoom(room_id(request), request[SESSION].user.id, await key_field(request))
    await leaving.after(request, await request.app[CORE].chat.leave_room(command))
    return redirect("/rooms/")


def _neighbours(request: web.Request, number: int, count: int) -> dict[str, str | None]:
    """Links to the pages before and after `number`."""

    def link(page: int) -> str:
        return "?" + urlencode({**request.query, "page": page})

    return {
        "previous": link(number - 1) if number > 1 else None,
        "following": link(number + 1) if number * PAGE < count else None,
    }


ROUTES = (
    web.get("/", page(get_home)),
    web.get("/rooms/", page(get_rooms)),
    web.get("/discover/", page(get_discover)),
    web.post("/discover/", page(post_room)),
    web.post("/direct/", page(post_direct)),
    web.post(f"{ROOM}/join/", page(post_join)),
    web.post(f"{ROOM}/leave/", page(post_leave)),
)
