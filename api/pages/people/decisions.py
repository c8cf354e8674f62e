"""The forms by which owners and moderators decide."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiohttp import web

from api.http.app_keys import CORE, SESSION
from api.http.parsing import BIGINT, as_number, room_id
from api.http.rooms import leaving
from api.pages.admission import page
from api.pages.page import ROOM, field, key_field, redirect
from api.pages.people.listing import get_people, people_page
from domain.errors import InvalidField, NoSuchMember
from domain.room.governance.archiving import ArchiveRoom, ReopenRoom
from domain.room.governance.moderation import BanUser, LiftBan, LiftMute, MuteMember, RemoveMember
from domain.room.governance.roles import ROOM_ROLES, GiveRole
from domain.room.governance.topic import SetTopic
from domain.room.state import RoomRole
from domain.use_cases.governing import RoomDecision
from domain.values import RoomId, UserId


async def post_role(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/people/role/: give a member a role."""

    async def give(room: RoomId, by: UserId) -> RoomDecision:
        member, why = await _member(request), await field(request, "why")
        role = _role(await field(request, "role"))
        return GiveRole(room, by, member, role, why)

    return await _decide(request, give)


async def post_remove(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/people/remove/: remove a member."""

    async def remove(room: RoomId, by: UserId) -> RoomDecision:
        member, why = await _member(request), await field(request, "why")
        return RemoveMember(room, by, member, why)

    return await _decide(request, remove)


async def post_ban(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/people/ban/: keep a user out for a time."""

    async def ban(room: RoomId, by: UserId) -> RoomDecision:
        member, why, minutes = await _member(request), await field(request, "why"), await _minutes(request)
        return BanUser(room, by, member, minutes, why)

    return await _decide(request, ban)


async def post_mute(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/people/mute/: let a member say nothing for a time."""

    async def mute(room: RoomId, by: UserId) -> RoomDecision:
        member, why, minutes = await _member(request), await field(request, "why"), await _minutes(request)
        return MuteMember(room, by, member, minutes, why)

    return await _decide(request, mute)


async def post_lift_ban(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/people/lift-ban/: let a banned user join again."""

    async def lift(room: RoomId, by: UserId) -> RoomDecision:
        member, why = await _member(request), await field(request, "why")
        return LiftBan(room, by, member, why)

    return await _decide(request, lift)


async def post_lift_mute(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/people/lift-mute/: let a muted member speak again."""

    async def lift(room: RoomId, by: UserId) -> RoomDecision:
        member, why = await _member(request), await field(request, "why")
        return LiftMute(room, by, member, why)

    return await _decide(request, lift)


async def post_topic(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/people/topic/: say what the room is about."""

    async def set_topic(room: RoomId, by: UserId) -> RoomDecision:
        return SetTopic(room, by, await field(request, "topic"))

    return await _decide(request, set_topic)


async def post_archive(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/people/archive/: archive the room."""

    async def archive(room: RoomId, by: UserId) -> RoomDecision:
        return ArchiveRoom(room, by)

    return await _decide(request, archive)


async def post_reopen(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/people/reopen/: reopen the room."""

    async def reopen(room: RoomId, by: UserId) -> RoomDecision:
        return ReopenRoom(room, by)

    return await _decide(request, reopen)


async def _decide(request: web.Request, decision: Callable[[RoomId, UserId], Awaitable[RoomDecision]]) -> web.Response:
    """Do what a form asks for and return to the page; what is wrong in a field is shown there."""
    room = room_id(request)
    try:
        decided = replace(await decision(room, request[SESSION].user.id), client_id=await key_field(request))
        recorded = await request.app[CORE].governing.decide(decided)
    except InvalidField as error:
        return await people_page(request, problem=str(error), status=400)
    await leaving.after(request, recorded)
    return redirect(f"/rooms/{room}/people/")


async def _member(request: web.Request) -> UserId:
    """Whom the form is about. Raises NoSuchMember."""
    if (number := as_number(await field(request, "member"))) is None or number > BIGINT:
        raise NoSuchMember("There is no such member in this room.")
    return UserId(number)


async def _minutes(request: web.Request) -> int:
    """A number, or 0, which is refused."""
    return min(as_number(await field(request, "minutes")) or 0, BIGINT)


def _role(text: str) -> RoomRole:
    """Raises InvalidField."""
    for role in ROOM_ROLES:
        if role == text:
            return role
    raise InvalidField("role", f"A role is one of {', '.join(ROOM_ROLES)}.")


PEOPLE = f"{ROOM}/people"

ROUTES = (
    web.get(f"{PEOPLE}/", page(get_people)),
    web.post(f"{PEOPLE}/role/", page(post_role)),
    web.post(f"{PEOPLE}/remove/", page(post_remove)),
    web.post(f"{PEOPLE}/ban/", page(post_ban)),
    web.post(f"{PEOPLE}/mute/", page(post_mute)),
    web.post(f"{PEOPLE}/lift-ban/", page(post_lift_ban)),
    web.post(f"{PEOPLE}/lift-mute/", page(post_lift_mute)),
    web.post(f"{PEOPLE}/topic/", page(post_topic)),
    web.post(f"{PEOPLE}/archive/", page(post_archive)),
    web.post(f"{PEOPLE}/reopen/", page(post_reopen)),
)
