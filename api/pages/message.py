"""The page of a message: all that it said, and the forms to edit, retract, pin and react to it."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from aiohttp import web
from msgspec import UNSET

from api.http.app_keys import ACCOUNTS, CORE, SESSION
from api.http.limits import count_message
from api.http.parsing import message_version, room_id
from api.pages.admission import page
from api.pages.page import ROOM, field, key_field, redirect, render
from api.pages.proofs import proof_context
from api.pages.state import layout_context, my_rooms
from domain.errors import InvalidField, NoSuchReaction, NotPinned, PinnedAlready, ReactedAlready
from domain.room.discussion.editing import EditMessage
from domain.room.discussion.pinning import PinMessage, UnpinMessage
from domain.room.discussion.reacting import AddReaction, RemoveReaction
from domain.room.discussion.retracting import RetractMessage
from domain.values import ClientId, RoomId, UserId
from eventstore.values import Version
from projections.readmodels.shapes import Message

MESSAGE = f"{ROOM}/messages/{{version}}"

QUICK_EMOJI = ("👍", "❤️", "😂", "🎉", "😮", "🙏", "👀", "✅")
"""Offered first."""

About = tuple[RoomId, UserId, Version]
DONE_ALREADY = (ReactedAlready, NoSuchReaction, PinnedAlready, NotPinned)
"""What was wanted is so already, as after a button was pressed twice."""


async def get_message(request: web.Request) -> web.Response:
    """GET /rooms/{room_id}/messages/{version}/: the message, what can be done about it, and what it said before."""
    return await _show(request)


async def post_edit(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/messages/{version}/edit/: give it other words."""
    content, talk = await field(request, "content"), request.app[CORE].discussion
    named = await request.app[ACCOUNTS].named_in(content)
    return await _do(
        request, lambda about, key: talk.edit(EditMessage(*about, content, key), named=named), content=content
    )


async def post_retract(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/messages/{version}/retract/: take it back."""
    why = await field(request, "why")
    return await _do(
        request, lambda about, key: request.app[CORE].discussion.retract(RetractMessage(*about, why, key)), why=why
    )


async def post_reaction(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/messages/{version}/react/: react with an emoji."""
    emoji = (await field(request, "emoji")).strip()
    return await _do(request, lambda about, key: request.app[CORE].discussion.react(AddReaction(*about, emoji, key)))


async def post_unreaction(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/messages/{version}/unreact/: take a reaction back."""
    emoji = await field(request, "emoji")
    return await _do(
        request,
        lambda about, key: request.app[CORE].discussion.take_back_reaction(RemoveReaction(*about, emoji, key)),
    )


async def post_pin(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/messages/{version}/pin/: pin it."""
    return await _do(request, lambda about, key: request.app[CORE].discussion.pin(PinMessage(*about, key)))


async def post_unpin(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/messages/{version}/unpin/: take it down."""
    return await _do(request, lambda about, key: request.app[CORE].discussion.unpin(UnpinMessage(*about, key)))


async def _do(
    request: web.Request, carry_out: Callable[[About, ClientId | None], Awaitable[object]], **typed: str
) -> web.Response:
    """Carry out a command and show the message again; a field that is refused comes back with the reason."""
    about = (room_id(request), request[SESSION].user.id, message_version(request))
    key = await key_field(request)
    count_message(request)
    try:
        await carry_out(about, key)
    except DONE_ALREADY:
        pass
    except InvalidField as error:
        return await _show(request, problems={error.field: str(error)}, typed=typed, status=400)
    return redirect(f"/rooms/{about[0]}/messages/{about[2]}/")


async def _show(
    request: web.Request,
    *,
    problems: dict[str, str] | None = None,
    typed: dict[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    core, session, room = request.app[CORE], request[SESSION], room_id(request)
    now = (await core.queries.room(session.user.id, room)).value
    found = await core.messages.versions(session.user.id, room, message_version(request), is_admin=session.is_admin)
    message, versions = found.value.message, found.value.versions
    answered = await _answered(request, room, message)
    own = await core.room_roles.own(session.user.id, room, now.version)
    is_own = message.user.id == session.user.id
    reacted = message.reactions if message.reactions is not UNSET else []
    typed = typed or {}
    context = {
        **layout_context(await my_rooms(request)),
        "room": now,
        "message": message,
        "answered": answered,
        "versions": versions,
        **await proof_context(request, room, [each.version for each in versions]),
        "audience": await core.members.at(room, message.id),
        "is_open": message.retracted is UNSET and message.erased is UNSET,
        "may_speak": not now.is_archived and own.muted is UNSET,
        "own": own,
        "is_own": is_own,
        "is_editable": is_own and core.discussion.is_editable(datetime.fromisoformat(message.created_at)),
        "may_retract": is_own or own.role != "member",
        "own_emoji": [each.emoji for each in reacted if any(user.id == session.user.id for user in each.users)],
        "quick_emoji": QUICK_EMOJI,
        "content": typed.get("content", message.content),
        "why": typed.get("why", ""),
        "problems": {"content": "", "why": "", "emoji": "", **(problems or {})},
    }
    return render(request, "message.html", context, status=status)


async def _answered(request: web.Request, room: RoomId, message: Message) -> Message | None:
    """The message that this one replies to, where there is one and the reader may read it."""
    if message.reply_to is UNSET:
        return None
    queries, user_id = request.app[CORE].queries, request[SESSION].user.id
    found = (await queries.messages_from(user_id, room, since=message.reply_to, limit=1)).value
    return found[0] if found and found[0].id == message.reply_to else None


ROUTES = (
    web.get(f"{MESSAGE}/", page(get_message)),
    web.post(f"{MESSAGE}/edit/", page(post_edit)),
    web.post(f"{MESSAGE}/retract/", page(post_retract)),
    web.post(f"{MESSAGE}/react/", page(post_reaction)),
    web.post(f"{MESSAGE}/unreact/", page(post_unreaction)),
    web.post(f"{MESSAGE}/pin/", page(post_pin)),
    web.post(f"{MESSAGE}/unpin/", page(post_unpin)),
)
