"""The page of a room: what was said, by whom, and the form to say more."""

import secrets

from aiohttp import web

from api.http.app_keys import CORE, SESSION
from api.http.parsing import BIGINT, as_number, query_number, room_id
from api.pages.page import field, redirect, render
from api.pages.state import beside, first_unread, my_rooms, open_room
from api.rest.read_marks import read_up_to
from api.rest.rooms import room_of
from domain.errors import InvalidField, RoomNotFound
from domain.room import CONTENT_LIMIT
from domain.values import ClientId, PostMessage, UserId
from projections.readmodels.queries import At
from projections.readmodels.shapes import Room

OLDER = 100
"""Messages on a page of older ones."""


async def get_room(request: web.Request) -> web.Response:
    """GET /rooms/{room_id}/?before=: the newest messages, or those before one of them; others are asked to join."""
    try:
        room = await room_of(request)
    except RoomNotFound:
        return await _not_in_room(request)
    if "before" in request.query:
        return await _older(request, room)
    return await _newest(request, room)


async def post_message(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/: say something; what cannot be said comes back with the reason."""
    room = await room_of(request)
    content, key = await field(request, "content"), await field(request, "key")
    command = PostMessage(room_id(request), UserId(request[SESSION].user.id), content, ClientId(key) if key else None)
    try:
        await request.app[CORE].chat.post_message(command)
    except InvalidField as error:
        return await _newest(request, room, content=content, problem=str(error), status=400)
    await _mark_read(request)
    return redirect(f"/rooms/{room.value.id}/#newest")


async def post_read(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/read/: what the page showed is read."""
    await _mark_read(request)
    return redirect(f"/rooms/{room_id(request)}/#newest")


async def _mark_read(request: web.Request) -> None:
    """Up to the version that the form's page showed, if the form says which."""
    if seen := as_number(await field(request, "seen")):
        await read_up_to(request, room_id(request), min(seen, BIGINT))


async def _newest(
    request: web.Request, room: At[Room], *, content: str = "", problem: str = "", status: int = 200
) -> web.Response:
    state, found = await open_room(request, room)
    assert state.open is not None
    messages = state.open.messages
    context = {
        **beside(state),
        "room": room.value,
        "messages": messages,
        "members": state.open.members,
        "older": messages[0].id if found.count > len(messages) else None,
        "is_newest": True,
        "first_unread": first_unread(state, room.value, messages),
        "content": content,
        "content_limit": CONTENT_LIMIT,
        "problem": problem,
        "key": secrets.token_urlsafe(16),
    }
    return render(request, "room.html", context, status=status)


async def _older(request: web.Request, room: At[Room]) -> web.Response:
    """A page of the past, which does not move: for those without scripts, and for links."""
    before = query_number(request, "before", default=BIGINT)
    core = request.app[CORE]
    state = await my_rooms(request)
    found = await core.queries.messages_before(state.user.id, room.value.id, before=before, limit=OLDER)
    messages = found.value.results[::-1]
    context = {
        **beside(state),
        "room": room.value,
        "messages": messages,
        "members": await core.members.at(room.value.id, room.value.version),
        "older": messages[0].id if len(messages) == OLDER else None,
        "is_newest": False,
        "first_unread": None,
    }
    return render(request, "room.html", context)


async def _not_in_room(request: web.Request) -> web.Response:
    state = await my_rooms(request)
    return render(request, "not_in_room.html", {**beside(state), "room_id": room_id(request)}, status=404)
