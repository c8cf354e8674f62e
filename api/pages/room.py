"""The page of a room: its messages, its members, and the form to post."""

from datetime import UTC, datetime, time

from aiohttp import web

from api.http.app_keys import ACCOUNTS, CORE, READ_SYNC, SESSION, UPLOADS
from api.http.errors import note_refusal
from api.http.limits import count_message
from api.http.parsing import BIGINT, as_number, query_number, room_id
from api.pages.admission import page
from api.pages.form_uploads import FilesRefused, uploaded
from api.pages.message import QUICK_EMOJI
from api.pages.page import ROOM, field, key_field, redirect, render
from api.pages.state import (
    MAX_MESSAGES,
    MESSAGES,
    around_messages,
    first_unread,
    layout_context,
    my_rooms,
    state_with_room,
    unread_above,
)
from domain.errors import InvalidField, NameTaken
from domain.names import is_blank
from domain.room import CONTENT_LIMIT
from domain.room.messages import PostMessage
from domain.room.naming import RenameRoom
from eventstore.values import Version
from projections.readmodels.queries import AtPosition, NotInRoom
from projections.readmodels.shapes import Message, RoomSummary

PER_PAGE = 100
"""Messages on a page of older ones."""

AROUND = 40
"""Messages shown on either side of one that was asked for."""


async def get_room(request: web.Request) -> web.Response:
    """GET /rooms/{room_id}/?at=, ?before=, ?date=: the newest messages, those around one, older ones, or those of
    a day; for a non-member, the join form.
    """
    try:
        room = await request.app[CORE].queries.room(request[SESSION].user.id, room_id(request))
    except NotInRoom as error:
        note_refusal(request, error)
        return await _not_in_room(request)
    if "before" in request.query:
        return await _older(request, room)
    if "at" in request.query:
        return await _at(request, room)
    if date := request.query.get("date"):
        return await _on(request, room.value, date)
    return await _newest(request, room)


async def post_message(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/: post a message, with the files of the form; a refused one comes back with the reason."""
    core, user_id = request.app[CORE], request[SESSION].user.id
    room = await core.queries.room(user_id, room_id(request))
    content = await field(request, "content")
    reply_to = as_number(await field(request, "reply_to"))
    key = await key_field(request)
    count_message(request)
    try:
        files = await uploaded(request)
        if files and is_blank(content):
            content = ""
        # Sent again, the same files have other ids: the key is compared with what they are.
        sent = tuple(f"{file.name} {file.sha256}" for file in files)
        command = PostMessage(room_id(request), user_id, content, key, reply_to, sent)
        named = await request.app[ACCOUNTS].named_in(content)
        attached = await request.app[UPLOADS].named(room_id(request), user_id, [file.id for file in files])
        core.authors.expect(request[SESSION].user)
        await core.chat.post_message(command, named=named, attached=attached)
    except InvalidField as error:
        return await _newest(request, room, content=content, problem=str(error), status=400)
    except FilesRefused as error:
        return await _newest(request, room, content=content, problem=str(error), status=error.status)
    await _mark_read(request)
    return redirect(f"/rooms/{room.value.id}/#newest")


async def post_read(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/read/: mark as read what the page showed."""
    await _mark_read(request)
    return redirect(f"/rooms/{room_id(request)}/#newest")


async def post_mute(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/mute/: mute the room for oneself, or end that."""
    is_muted = await field(request, "is_muted") == "yes"
    await request.app[READ_SYNC].mute(request[SESSION].user.id, room_id(request), is_muted=is_muted)
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


async def _at(request: web.Request, room: AtPosition[RoomSummary]) -> web.Response:
    """The message `at`, or the first after it, with what is around it: live where it is among the newest, or else as a
    page that does not change.
    """
    at = Version(query_number(request, "at", default=BIGINT))
    core, user_id = request.app[CORE], request[SESSION].user.id
    found = (await core.queries.messages_from(user_id, room.value.id, since=at, limit=MAX_MESSAGES + 1)).value
    sought = found[0].id if found else None
    if len(found) <= MAX_MESSAGES:
        return await _newest(request, room, sought=sought, least=max(MESSAGES, len(found) + AROUND))
    before = await core.queries.messages_before(user_id, room.value.id, before=found[0].id, limit=AROUND + 1)
    older, newer = before.value.results[:AROUND][::-1], found[: AROUND + 1]
    has_older = len(before.value.results) > AROUND
    return await _unchanging(
        request, room.value, [*older, *newer], has_older=has_older, sought=sought, newer=newer[-1].id
    )


async def _on(request: web.Request, room: RoomSummary, date: str) -> web.Response:
    """Lead to the first message of a day, in UTC, or the first after it; without one, to the newest."""
    try:
        since = datetime.combine(datetime.fromisoformat(date).date(), time(), UTC)
    except ValueError:
        return redirect(f"/rooms/{room.id}/#newest")
    version = await request.app[CORE].queries.first_since(request[SESSION].user.id, room.id, since)
    return redirect(f"/rooms/{room.id}/#newest" if version is None else f"/rooms/{room.id}/?at={version}#m{version}")


async def _newest(
    request: web.Request,
    room: AtPosition[RoomSummary],
    *,
    sought: Version | None = None,
    least: int = MESSAGES,
    content: str = "",
    problem: str = "",
    name: str | None = None,
    name_problem: str = "",
    status: int = 200,
) -> web.Response:
    state, has_older = await state_with_room(request, room, least=least)
    assert state.open is not None
    messages = state.open.messages
    context = {
        **layout_context(state),
        "room": room.value,
        "messages": messages,
        "joins_and_leaves": state.open.joins_and_leaves,
        "positions": state.open.positions,
        "answered": state.open.answered,
        "members": state.open.members,
        "pinned": state.open.pinned,
        "quick_emoji": QUICK_EMOJI,
        "older": messages[0].id if has_older else None,
        "is_newest": True,
        "sought": sought,
        "first_unread": None if sought else first_unread(state, room.value, messages),
        "unread_above": unread_above(state, room.value, messages),
        "content": content,
        "content_limit": CONTENT_LIMIT,
        "edit_window_s": request.app[CORE].discussion.edit_window_s,
        "problem": problem,
        "name": name if name is not None else room.value.name,
        "name_problem": name_problem,
    }
    return render(request, "room.html", context, status=status)


async def _older(request: web.Request, room: AtPosition[RoomSummary]) -> web.Response:
    """Older messages: for browsers without scripts."""
    before = Version(query_number(request, "before", default=BIGINT))
    found = await request.app[CORE].queries.messages_before(
        request[SESSION].user.id, room.value.id, before=before, limit=PER_PAGE
    )
    messages = found.value.results[::-1]
    return await _unchanging(request, room.value, messages, has_older=len(messages) == PER_PAGE)


async def _unchanging(
    request: web.Request,
    room: RoomSummary,
    messages: list[Message],
    *,
    has_older: bool,
    sought: Version | None = None,
    newer: Version | None = None,
) -> web.Response:
    """Messages that are not the newest, as a page that does not change."""
    core = request.app[CORE]
    state = await my_rooms(request, room.id)
    steps, positions = await around_messages(
        request, room, messages, has_older=has_older, until=messages[-1].id if messages else Version(0)
    )
    context = {
        **layout_context(state),
        "room": room,
        "messages": messages,
        "joins_and_leaves": steps,
        "positions": positions,
        "answered": await core.messages.answered_by(state.user.id, room.id, messages),
        "members": await core.members.at(room.id, room.version),
        "pinned": (await core.messages.pinned(state.user.id, room.id)).value,
        "quick_emoji": QUICK_EMOJI,
        "older": messages[0].id if has_older else None,
        "newer": newer,
        "is_newest": False,
        "sought": sought,
        "first_unread": None,
        "unread_above": None,
    }
    return render(request, "room.html", context)


async def _not_in_room(request: web.Request) -> web.Response:
    state = await my_rooms(request)
    return render(request, "not_in_room.html", {**layout_context(state), "room_id": room_id(request)}, status=404)


ROUTES = (
    web.get(f"{ROOM}/", page(get_room)),
    web.post(f"{ROOM}/", page(post_message)),
    web.post(f"{ROOM}/read/", page(post_read)),
    web.post(f"{ROOM}/mute/", page(post_mute)),
    web.post(f"{ROOM}/rename/", page(post_rename)),
)
