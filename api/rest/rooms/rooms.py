"""Rooms: listing, searching, opening, joining and leaving them."""

from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from api.http.app_keys import CORE, SESSION
from api.http.endpoints import ROOM, Empty, Endpoint
from api.http.limits import count_room
from api.http.paging import Page, numbered_page, page_number
from api.http.parsing import idempotency_key, query_text, query_version, read_body, room_id
from api.http.responses import json_response
from api.rest.recorded import recorded_answer, recorded_body
from domain.room import NAME_LIMIT
from domain.room.access import as_history, as_visibility
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.naming import RenameRoom
from domain.room.opening import OpenRoom
from projections.readmodels.discussion.said import room_version
from projections.readmodels.queries import AtPosition, NotInRoom, ResultPage
from projections.readmodels.shapes import Member, RoomFound, RoomMember, RoomSummary


class RoomName(Struct, frozen=True):
    """The name of a room that is renamed."""

    name: Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": NAME_LIMIT, "pattern": r"\S"})]


class NewRoom(Struct, frozen=True):
    """A room to open: its name, who may enter it, and what joiners may read."""

    name: Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": NAME_LIMIT, "pattern": r"\S"})]
    visibility: Annotated[str, Meta(extra_json_schema={"enum": ["public", "private"]})] = "public"
    history: Annotated[str, Meta(extra_json_schema={"enum": ["all", "since_joining"]})] = "all"


async def get_rooms(request: web.Request) -> web.Response:
    """GET /api/rooms/?page=: the caller's rooms, latest bumped first."""
    number = page_number(request)
    return numbered_page(request, await request.app[CORE].queries.rooms(request[SESSION].user.id, page=number), number)


async def get_room(request: web.Request) -> web.Response:
    """GET /api/rooms/{room_id}/: 200 RoomSummary; 404 when unknown or not a member."""
    found = await request.app[CORE].queries.room(request[SESSION].user.id, room_id(request))
    return json_response(found.value, position=found.position)


async def get_members(request: web.Request) -> web.Response:
    """GET /api/rooms/{room_id}/members/?at=<version>&page=: by the time they joined; now, or right after a version."""
    core = request.app[CORE]
    now = await core.queries.room(request[SESSION].user.id, room_id(request))
    number = page_number(request)
    version = query_version(request, "at", default=now.value.version, most=now.value.version)
    if version not in await core.queries.readable(request[SESSION].user.id, now.value.id):
        raise NotInRoom  # they were not, then
    room = await core.bodies.room_at(now.value.id, version)
    members = await core.members.at(now.value.id, version, page=number)
    found = ResultPage(room.member_count, members) if members or number == 1 else None
    return numbered_page(request, AtPosition(found, now.position), number)


async def search(request: web.Request) -> web.Response:
    """GET /api/search/?q=&page=: public rooms by name, all of them without `q`."""
    number = page_number(request)
    text = query_text(request, "q")
    found = await request.app[CORE].queries.search(request[SESSION].user.id, text, page=number)
    return numbered_page(request, found, number)


async def open_room(request: web.Request) -> web.Response:
    """POST /api/rooms/ {"name", "visibility", "history"}: 201 RoomSummary; 400; 409 when the name is taken."""
    key = idempotency_key(request)
    body = await read_body(request, NewRoom)
    count_room(request)
    core, user_id = request.app[CORE], request[SESSION].user.id
    command = OpenRoom(body.name, user_id, key, as_visibility(body.visibility), as_history(body.history))
    return await recorded_answer(
        request,
        core.chat.open_room(command),
        lambda recorded: core.bodies.room_at(*room_version(recorded.event)),
        status=201,
    )


async def join_room(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/join/: 200 Member; 409 for a member, a banned user and an archived room; 404."""
    command = JoinRoom(room_id(request), request[SESSION].user.id, idempotency_key(request))
    await read_body(request, Empty)
    return await recorded_body(request, request.app[CORE].chat.join_room(command))


async def leave_room(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/leave/: 200 Member; 404 when not a member; 409 for the last owner."""
    command = LeaveRoom(room_id(request), request[SESSION].user.id, idempotency_key(request))
    await read_body(request, Empty)
    return await recorded_body(request, request.app[CORE].chat.leave_room(command))


async def rename_room(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/rename/ {"name"}: 200 Member; 400, 404; 403 unless an owner; 409 when it is taken."""
    room, key = room_id(request), idempotency_key(request)
    body = await read_body(request, RoomName)
    command = RenameRoom(room, request[SESSION].user.id, body.name, key)
    return await recorded_body(request, request.app[CORE].chat.rename_room(command))


ENDPOINTS = (
    Endpoint("GET", "/api/rooms/", get_rooms, Page[RoomSummary], query=("page",)),
    Endpoint("POST", "/api/rooms/", open_room, RoomSummary, 201, NewRoom, records=True, refusals=(409,)),
    Endpoint("GET", f"{ROOM}/", get_room, RoomSummary),
    Endpoint("GET", "/api/search/", search, Page[RoomFound], query=("q", "page")),
    Endpoint("POST", f"{ROOM}/join/", join_room, Member, 200, Empty, records=True, refusals=(409,)),
    Endpoint("POST", f"{ROOM}/leave/", leave_room, Member, 200, Empty, records=True, refusals=(409,)),
    Endpoint("POST", f"{ROOM}/rename/", rename_room, Member, 200, RoomName, records=True, refusals=(409,)),
    Endpoint("GET", f"{ROOM}/members/", get_members, Page[RoomMember], query=("at", "page")),
)
