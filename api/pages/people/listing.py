"""The page: members with their roles, who is banned or muted, and the forms that the own role allows."""

import asyncio

from aiohttp import web

from api.http.app_keys import CORE, SESSION
from api.http.paging import NoSuchPage, page_number
from api.http.parsing import room_id
from api.pages.page import render
from api.pages.state import layout_context, my_rooms
from domain.room.governance.roles import RANKS, ROOM_ROLES
from domain.values import UserId
from projections.readmodels.queries import PAGE
from projections.readmodels.shapes import OwnStanding, RoomMember

MODERATOR = RANKS["moderator"]


async def get_people(request: web.Request) -> web.Response:
    """GET /rooms/{room_id}/people/?page=: members in the order in which they joined, then bans and mutes."""
    return await people_page(request)


async def people_page(request: web.Request, *, problem: str = "", status: int = 200) -> web.Response:
    """The page, with what is wrong in the form that was sent."""
    core, user_id, number = request.app[CORE], request[SESSION].user.id, page_number(request)
    room = (await core.queries.room(user_id, room_id(request))).value
    state, own, members, penalties = await asyncio.gather(
        my_rooms(request),
        core.room_roles.own(user_id, room.id, room.version),
        core.members.at(room.id, room.version, page=number),
        core.room_roles.in_force(room.id, room.version),
    )
    if not members and number > 1:
        raise NoSuchPage
    concerned = {user_id for each in penalties for user_id in (each.member_id, each.decided_by)}
    context = {
        **layout_context(state),
        "room": room,
        "own": own,
        "members": members,
        "may_act_on": {member.id for member in members if _may_act_on(own, member, user_id)},
        "penalties": penalties,
        "people": await core.bodies.users(concerned),
        "roles": ROOM_ROLES,
        "problem": problem,
        "previous": f"?page={number - 1}" if number > 1 else None,
        "following": f"?page={number + 1}" if number * PAGE < room.member_count else None,
    }
    return render(request, "people.html", context, status=status)


def _may_act_on(own: OwnStanding, member: RoomMember, user_id: UserId) -> bool:
    """Whether forms are offered: the rules decide when one is sent."""
    return member.id != user_id and RANKS[own.role] >= max(MODERATOR, RANKS[member.role])
