"""The page of a room: its messages, its members, and the form to post."""

import secrets

from aiohttp import web

from api.http.app_keys import CORE, READ_SYNC, SESSION
from api.http.errors import note_refusal
from api.http.limits import count_message
from api.http.parsing import BIGINT, as_number, query_number, room_id
from api.pages.admission import page
from api.pages.message import QUICK_EMOJI
from api.pages.page import ROOM, field, key_field, redirect, render
from api.pages.state import first_unread, layout_context, my_rooms, state_with_room
from domain.errors import InvalidField, NameTaken
from domain.room import CONTENT_LIMIT
from domain.room.messages import PostMessage
from domain.room.naming import RenameRoom
from eventstore.values import Version
from projections.readmodels.queries import AtPosition, NotInRoom
from projections.readmodels.shapes import RoomSummary

PER_PAGE = 100
"""Messages on a page of older ones."""


async def get_room(request: web.Request) -> web.Response:
    """GET /rooms/{room_id}/?before=: the newest messages or older ones; for a non-member, the join form."""
    try:
        room = await request.app[CORE].queries.room(request[SESSION].user.id, room_id(request))
    except NotInRoom as error:
        note_refusal(request, error)
        return await _not_in_room(request)
    if "before" in request.query:
        return await _older(request, room)
    return await _newest(request, room)


async def post_message(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/: post a message; a refused one comes back with the reason."""
    core, user_id = request.app[CORE], request[SESSION].user.id
    room = await core.queries.room(user_id, room_id(request))
    content = await field(request, "content")
    reply_to = as_number(await field(request, "reply_to"))
    command = PostMessage(room_id(request), user_id, content, await key_field(request), reply_to)
    count_message(request)
    try:
        await core.chat.post_message(command)
    except InvalidField as error:
        return await _newest(request, room, content=content, problem=str(error), status=400)
    await _mark_read(request)
    return redirect(f"/rooms/{room.value.id}/#newest")


async def post_read(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/read/: mark as read what the page showed."""
    await _mark_read(request)
    return redirect(f"/rooms/{room_id(request)}/#newest")


async def _mark_read(request: web.Request) -> None:
    """Up to the version that the form's page showed, if the form has it."""
    if seen := as_number(await field(request, "seen")):
        version = Version(min(seen, BIGINT))
        await request.app[READ_SYNC].move(request[SESSION].user.id, room_id(request), version)


async def post_rename(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/rename/: rename the room; a refused name comes back with the reason."""
    core, user_id = request.app[CORE], request[SESSION].user.id
    room = await core.queries.room(user_id, room_id(request))
    name, key = await field(request, "name"), await key_field(request)
    try:
        await core.chat.rename_room(RenameRoom(room_id(request), user_id, name, key))
    except InvalidField as error:
        return await _newest(request, room, name=name, name_problem=str(error), status=400)
    except NameTaken as error:
        return await _newest(request, room, name=name, name_problem=str(error), status=409)
    return redirect(f"/rooms/{room.value.id}/#newest")


async def _newest(
    request: web.Request,
    room: AtPosition[RoomSummary],
    *,
    content: str = "",
    problem: str = "",
    name: str | None = None,
    name_problem: str = "",
    status: int = 200,
) -> web.Response:
    state, has_older = await state_with_room(request, room)
    assert state.open is not None
    messages = state.open.messages
    context = {
        **layout_context(state),
        "room": room.value,
        "messages": messages,
        "members": state.open.members,
        "pinned": state.open.pinned,
        "quick_emoji": QUICK_EMOJI,
        "older": messages[0].id if has_older else None,
        "is_newest": True,
        "first_unread": first_unread(state, room.value, messages),
        "content": content,
        "content_limit": CONTENT_LIMIT,
        "problem": problem,
        "key": secrets.token_urlsafe(16),
        "name": name if name is not None else room.value.name,
        "name_problem": name_problem,
        "rename_key": secrets.token_urlsafe(16),
    }
    return render(request, "room.html", context, status=status)


async def _older(request: web.Request, room: AtPosition[RoomSummary]) -> web.Response:
    """Older messages, as a page that does not change: for browsers without scripts, and for links."""
    before = Version(query_number(request, "before", default=BIGINT))
    core = request.app[CORE]
    state = await my_rooms(request)
    found = await core.queries.messages_before(state.user.id, room.value.id, before=before, limit=PER_PAGE)
    messages = found.value.results[::-1]
    context = {
        **layout_context(state),
        "room": room.value,
        "messages": messages,
        "members": await core.members.at(room.value.id, room.value.version),
        "pinned": (await core.messages.pinned(state.user.id, room.value.id)).value,
        "quick_emoji": QUICK_EMOJI,
        "older": messages[0].id if len(messages) == PER_PAGE else None,
        "is_newest": False,
        "first_unread": None,
    }
    return render(request, "room.html", context)


async def _not_in_room(request: web.Request) -> web.Response:
    state = await my_rooms(request)
    return render(request, "not_in_room.html", {**layout_context(state), "room_id": room_id(request)}, status=404)


ROUTES = (
    web.get(f"{ROOM}/", page(get_room)),
    web.post(f"{ROOM}/", page(post_message)),
    web.post(f"{ROOM}/read/", page(post_read)),
    web.post(f"{ROOM}/rename/", page(post_rename)),
)
