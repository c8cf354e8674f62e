"""What members do about a message: edit, retract, react, pin; and what it said before."""

from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from api.http.app_keys import ACCOUNTS, CORE, SESSION
from api.http.endpoints import ROOM, Empty, Endpoint
from api.http.limits import count_message
from api.http.parsing import emoji, idempotency_key, message_version, read_body, room_id
from api.http.responses import json_response
from api.rest.recorded import recorded_body
from api.rest.rooms.messages import NewContent
from domain.room import REASON_LIMIT
from domain.room.discussion.editing import EditMessage
from domain.room.discussion.pinning import PinMessage, UnpinMessage
from domain.room.discussion.reacting import AddReaction, RemoveReaction
from domain.room.discussion.retracting import RetractMessage
from domain.values import ClientId, RoomId, UserId
from eventstore.values import Version
from projections.readmodels.discussion.queries import MessageVersions
from projections.readmodels.shapes import Message, MessageChange, ReactionChange

MESSAGE = f"{ROOM}/messages/{{version}}"


class WhyRetracted(Struct, frozen=True):
    """Why a message is retracted. A moderator says it; the author may leave it empty."""

    why: Annotated[str, Meta(extra_json_schema={"maxLength": REASON_LIMIT})] = ""


class Pinned(Struct, frozen=True):
    """The pinned messages of a room, the last pinned first."""

    results: list[Message]


async def edit_message(request: web.Request) -> web.Response:
    """PATCH /api/rooms/{room_id}/messages/{version}/ {"content"}: 200 MessageChange; 400, 403, 404, 409."""
    room, user, message, key = _about(request)
    body = await read_body(request, NewContent)
    count_message(request)
    command = EditMessage(room, user, message, body.content, key)
    named = await request.app[ACCOUNTS].named_in(body.content)
    return await recorded_body(request, request.app[CORE].discussion.edit(command, named=named))


async def retract_message(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/messages/{version}/retract/ {"why"}: 200 MessageChange; 400, 403, 404, 409."""
    room, user, message, key = _about(request)
    body = await read_body(request, WhyRetracted)
    count_message(request)
    command = RetractMessage(room, user, message, body.why, key)
    return await recorded_body(request, request.app[CORE].discussion.retract(command))


async def add_reaction(request: web.Request) -> web.Response:
    """PUT /api/rooms/{room_id}/messages/{version}/reactions/{emoji}/: 200 ReactionChange; 400, 404, 409."""
    room, user, message, key = _about(request)
    await read_body(request, Empty)
    count_message(request)
    command = AddReaction(room, user, message, emoji(request), key)
    return await recorded_body(request, request.app[CORE].discussion.react(command))


async def remove_reaction(request: web.Request) -> web.Response:
    """DELETE /api/rooms/{room_id}/messages/{version}/reactions/{emoji}/: 200 ReactionChange; 404, 409."""
    room, user, message, key = _about(request)
    await read_body(request, Empty)
    count_message(request)
    command = RemoveReaction(room, user, message, emoji(request), key)
    return await recorded_body(request, request.app[CORE].discussion.take_back_reaction(command))


async def pin_message(request: web.Request) -> web.Response:
    """PUT /api/rooms/{room_id}/messages/{version}/pin/: 200 MessageChange; 404, 409."""
    room, user, message, key = _about(request)
    await read_body(request, Empty)
    count_message(request)
    command = PinMessage(room, user, message, key)
    return await recorded_body(request, request.app[CORE].discussion.pin(command))


async def unpin_message(request: web.Request) -> web.Response:
    """DELETE /api/rooms/{room_id}/messages/{version}/pin/: 200 MessageChange; 404, 409."""
    room, user, message, key = _about(request)
    await read_body(request, Empty)
    count_message(request)
    return await recorded_body(request, request.app[CORE].discussion.unpin(UnpinMessage(room, user, message, key)))


async def get_versions(request: web.Request) -> web.Response:
    """GET /api/rooms/{room_id}/messages/{version}/versions/: 200 MessageVersions; 404."""
    session = request[SESSION]
    found = await request.app[CORE].messages.versions(
        session.user.id, room_id(request), message_version(request), is_admin=session.is_admin
    )
    return json_response(found.value, position=found.position)


async def get_pinned(request: web.Request) -> web.Response:
    """GET /api/rooms/{room_id}/pins/: 200 Pinned; 404."""
    found = await request.app[CORE].messages.pinned(request[SESSION].user.id, room_id(request))
    return json_response(Pinned(found.value), position=found.position)


def _about(request: web.Request) -> tuple[RoomId, UserId, Version, ClientId | None]:
    """Which message the request is about, who makes it, and under which key."""
    return room_id(request), request[SESSION].user.id, message_version(request), idempotency_key(request)


ENDPOINTS = (
    Endpoint("PATCH", f"{MESSAGE}/", edit_message, MessageChange, 200, NewContent, records=True, refusals=(403, 409)),
    Endpoint(
        "POST", f"{MESSAGE}/retract/", retract_message, MessageChange, 200, WhyRetracted, records=True, refusals=(409,)
    ),
    Endpoint("PUT", f"{MESSAGE}/reactions/{{emoji}}/", add_reaction, ReactionChange, records=True, refusals=(409,)),
    Endpoint(
        "DELETE", f"{MESSAGE}/reactions/{{emoji}}/", remove_reaction, ReactionChange, records=True, refusals=(409,)
    ),
    Endpoint("PUT", f"{MESSAGE}/pin/", pin_message, MessageChange, records=True, refusals=(409,)),
    Endpoint("DELETE", f"{MESSAGE}/pin/", unpin_message, MessageChange, records=True, refusals=(409,)),
    Endpoint("GET", f"{MESSAGE}/versions/", get_versions, MessageVersions),
    Endpoint("GET", f"{ROOM}/pins/", get_pinned, Pinned),
)
