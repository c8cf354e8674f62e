"""What owners and moderators of a room do."""

from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from api.http.app_keys import CORE, SESSION
from api.http.endpoints import ROOM, Empty, Endpoint
from api.http.parsing import idempotency_key, read_body, room_id, user_id
from api.rest.recorded import Recorded, recorded_answer, recorded_body
from domain.room import REASON_LIMIT, TOPIC_LIMIT, Room
from domain.room.governance.archiving import ArchiveRoom, ReopenRoom
from domain.room.governance.moderation import (
    LONGEST_MINUTES,
    BanUser,
    LiftBan,
    LiftMute,
    MuteMember,
    RemoveMember,
)
from domain.room.governance.roles import GiveRole
from domain.room.governance.topic import SetTopic
from domain.room.state import RoomRole
from eventstore.values import Version
from projections.readmodels.shapes import Member, MemberChange

WhyDecided = Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": REASON_LIMIT, "pattern": r"\S"})]
Minutes = Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": LONGEST_MINUTES})]
MEMBER = f"{ROOM}/members/{{user_id}}"


class NewRole(Struct, frozen=True):
    """The role that a member gets, and why."""

    role: RoomRole
    why: WhyDecided


class Reason(Struct, frozen=True):
    """Why something is decided about a person."""

    why: WhyDecided


class ForMinutes(Struct, frozen=True):
    """For how long a person is banned or muted, and why."""

    minutes: Minutes
    why: WhyDecided


class NewTopic(Struct, frozen=True):
    """What the room is about; empty: nothing in particular."""

    topic: Annotated[str, Meta(extra_json_schema={"maxLength": TOPIC_LIMIT})]


async def give_role(request: web.Request) -> web.Response:
    """PUT /api/rooms/{room_id}/members/{user_id}/role/ {"role", "why"}: 200 MemberChange; 400, 403, 404, 409."""
    room, member, key = room_id(request), user_id(request), idempotency_key(request)
    body = await read_body(request, NewRole)
    command = GiveRole(room, request[SESSION].user.id, member, body.role, body.why, key)
    return await recorded_body(request, request.app[CORE].governing.decide(command))


async def remove_member(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/members/{user_id}/remove/ {"why"}: 200 Member; 400, 403, 404, 409."""
    room, member, key = room_id(request), user_id(request), idempotency_key(request)
    body = await read_body(request, Reason)
    command = RemoveMember(room, request[SESSION].user.id, member, body.why, key)
    return await recorded_body(request, request.app[CORE].governing.decide(command))


async def ban_user(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/members/{user_id}/ban/ {"minutes", "why"}: 200 MemberChange; 400, 403, 404, 409.

    A member is removed as well: an event of its own, right after this one.
    """
    room, member, key = room_id(request), user_id(request), idempotency_key(request)
    body = await read_body(request, ForMinutes)
    command = BanUser(room, request[SESSION].user.id, member, body.minutes, body.why, key)
    core = request.app[CORE]

    async def ban_of(recorded: Recorded) -> object:
        if isinstance(recorded.event, Room.UserBanned):
            return await core.bodies.body(recorded.event, request[SESSION].user)
        after = Version(recorded.event.originator_version - 2)
        async with core.database.connection() as connection:
            (ban,) = await core.room_log.stream_with_words(room, after=after, limit=1, connection=connection)
        return await core.bodies.body(ban.event, request[SESSION].user)

    return await recorded_answer(request, core.governing.decide(command), ban_of)


async def lift_ban(request: web.Request) -> web.Response:
    """DELETE /api/rooms/{room_id}/members/{user_id}/ban/ {"why"}: 200 MemberChange; 400, 403, 404, 409."""
    room, member, key = room_id(request), user_id(request), idempotency_key(request)
    body = await read_body(request, Reason)
    command = LiftBan(room, request[SESSION].user.id, member, body.why, key)
    return await recorded_body(request, request.app[CORE].governing.decide(command))


async def mute_member(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/members/{user_id}/mute/ {"minutes", "why"}: 200 MemberChange; 400, 403, 404, 409."""
    room, member, key = room_id(request), user_id(request), idempotency_key(request)
    body = await read_body(request, ForMinutes)
    command = MuteMember(room, request[SESSION].user.id, member, body.minutes, body.why, key)
    return await recorded_body(request, request.app[CORE].governing.decide(command))


async def lift_mute(request: web.Request) -> web.Response:
    """DELETE /api/rooms/{room_id}/members/{user_id}/mute/ {"why"}: 200 MemberChange; 400, 403, 404, 409."""
    room, member, key = room_id(request), user_id(request), idempotency_key(request)
    body = await read_body(request, Reason)
    command = LiftMute(room, request[SESSION].user.id, member, body.why, key)
    return await recorded_body(request, request.app[CORE].governing.decide(command))


async def set_topic(request: web.Request) -> web.Response:
    """PUT /api/rooms/{room_id}/topic/ {"topic"}: 200 Member; 400, 403, 404."""
    room, key = room_id(request), idempotency_key(request)
    body = await read_body(request, NewTopic)
    command = SetTopic(room, request[SESSION].user.id, body.topic, key)
    return await recorded_body(request, request.app[CORE].governing.decide(command))


async def archive_room(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/archive/: 200 Member; 403, 404, 409."""
    command = ArchiveRoom(room_id(request), request[SESSION].user.id, idempotency_key(request))
    await read_body(request, Empty)
    return await recorded_body(request, request.app[CORE].governing.decide(command))


async def reopen_room(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/reopen/: 200 Member; 403, 404, 409."""
    command = ReopenRoom(room_id(request), request[SESSION].user.id, idempotency_key(request))
    await read_body(request, Empty)
    return await recorded_body(request, request.app[CORE].governing.decide(command))


ENDPOINTS = (
    Endpoint("PUT", f"{MEMBER}/role/", give_role, MemberChange, 200, NewRole, records=True, refusals=(409,)),
    Endpoint("POST", f"{MEMBER}/remove/", remove_member, Member, 200, Reason, records=True, refusals=(409,)),
    Endpoint("POST", f"{MEMBER}/ban/", ban_user, MemberChange, 200, ForMinutes, records=True, refusals=(409,)),
    Endpoint("DELETE", f"{MEMBER}/ban/", lift_ban, MemberChange, 200, Reason, records=True, refusals=(409,)),
    Endpoint("POST", f"{MEMBER}/mute/", mute_member, MemberChange, 200, ForMinutes, records=True, refusals=(409,)),
    Endpoint("DELETE", f"{MEMBER}/mute/", lift_mute, MemberChange, 200, Reason, records=True, refusals=(409,)),
    Endpoint("PUT", f"{ROOM}/topic/", set_topic, Member, 200, NewTopic, records=True),
    Endpoint("POST", f"{ROOM}/archive/", archive_room, Member, 200, Empty, records=True, refusals=(409,)),
    Endpoint("POST", f"{ROOM}/reopen/", reopen_room, Member, 200, Empty, records=True, refusals=(409,)),
)
