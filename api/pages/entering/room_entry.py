"""Who may enter a room: those who are invited, its links, and what its owners decide about it."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from api.http.app_keys import CORE, SESSION
from api.http.parsing import BIGINT, as_number, room_id
from api.http.rooms.entering import NewRoomLink, find_users, make_room_link
from api.http.rooms.inviting import invite_user, withdraw_invitation_of
from api.pages.admission import page
from api.pages.page import ROOM, field, key_field, redirect, render
from api.pages.state import layout_context, my_rooms
from domain.errors import (
    AlreadyAMember,
    AlreadyInvited,
    DirectRoom,
    InvalidField,
    NameTaken,
    NoSuchLink,
    NotInvited,
    TooManyLinks,
)
from domain.room.access import ChangeHistory, ChangeVisibility, as_history, as_visibility
from domain.room.invitations import InviteUser, RevokeLink, WithdrawInvitation
from domain.values import UserId

REFUSED = (AlreadyAMember, AlreadyInvited, DirectRoom, NameTaken, NoSuchLink, NotInvited, TooManyLinks)
"""Refusals that the page shows above its forms."""


async def get_entry(request: web.Request) -> web.Response:
    """GET /rooms/{room_id}/invitations/: who is invited, and the links in use, with the forms of members and owners."""
    return await _entry(request)


async def _entry(
    request: web.Request, *, problem: str = "", made: NewRoomLink | None = None, status: int = 200
) -> web.Response:
    core, user_id = request.app[CORE], request[SESSION].user.id
    room = (await core.queries.room(user_id, room_id(request))).value
    state, invited, links, own = await asyncio.gather(
        my_rooms(request),
        core.invitations.invited_to(room.id),
        core.invitations.links(room.id),
        core.room_roles.own(user_id, room.id, room.version),
    )
    link = str(request.url.origin().with_path("/join/").with_query(link=made.token)) if made is not None else ""
    context = {
        **layout_context(state),
        "room": room,
        "invited": invited,
        "links": links,
        "own": own,
        "problem": problem,
        "made": made,
        "new_link": link,
    }
    return render(request, "room_entry.html", context, status=status)


async def _decide(request: web.Request, command: Callable[[], Awaitable[object]]) -> web.Response:
    """Carry out a command of a form on the page; where it is refused, the page comes back with the reason."""
    room = (await request.app[CORE].queries.room(request[SESSION].user.id, room_id(request))).value
    try:
        await command()
    except InvalidField as error:
        return await _entry(request, problem=str(error), status=400)
    except REFUSED as error:
        return await _entry(request, problem=str(error), status=409)
    return redirect(f"/rooms/{room.id}/invitations/")


async def post_invite(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/invitations/invite/: invite a user by name."""

    async def invite() -> object:
        [invitee] = await find_users(request, "usernames", [await field(request, "usernames")])
        command = InviteUser(room_id(request), request[SESSION].user.id, invitee, await key_field(request))
        return await invite_user(request, command)

    return await _decide(request, invite)


async def post_withdraw(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/invitations/withdraw/: withdraw an invitation."""

    async def withdraw() -> object:
        member = UserId(await _number(request, "member"))
        command = WithdrawInvitation(room_id(request), request[SESSION].user.id, member, await key_field(request))
        return await withdraw_invitation_of(request, command)

    return await _decide(request, withdraw)


async def post_make_link(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/invitations/make-link/: make a link, which is shown this once."""
    made: list[NewRoomLink] = []

    async def make() -> object:
        days, uses = await _number(request, "days"), await _number(request, "uses")
        made.append(await make_room_link(request, room_id(request), days=days, uses=uses))
        return made

    answer = await _decide(request, make)
    return await _entry(request, made=made[0]) if made else answer


async def post_revoke_link(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/invitations/revoke-link/: revoke a link."""

    async def revoke() -> object:
        link = await _number(request, "link")
        command = RevokeLink(room_id(request), request[SESSION].user.id, link, await key_field(request))
        return await request.app[CORE].admission.revoke_link(command)

    return await _decide(request, revoke)


async def post_visibility(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/invitations/visibility/: make the room public or private."""

    async def change() -> object:
        visibility = as_visibility(await field(request, "visibility"))
        command = ChangeVisibility(room_id(request), request[SESSION].user.id, visibility, await key_field(request))
        return await request.app[CORE].admission.change_visibility(command)

    return await _decide(request, change)


async def post_history(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/invitations/reading/: change what joiners may read."""

    async def change() -> object:
        history = as_history(await field(request, "history"))
        command = ChangeHistory(room_id(request), request[SESSION].user.id, history, await key_field(request))
        return await request.app[CORE].admission.change_history(command)

    return await _decide(request, change)


async def _number(request: web.Request, name: str) -> int:
    """A positive number of the form. Raises InvalidField."""
    number = as_number(await field(request, name))
    if number is None or not 0 < number <= BIGINT:
        raise InvalidField(name, "A valid integer is required.")
    return number


FORMS = f"{ROOM}/invitations"

ROUTES = (
    web.get(f"{FORMS}/", page(get_entry)),
    web.post(f"{FORMS}/invite/", page(post_invite)),
    web.post(f"{FORMS}/withdraw/", page(post_withdraw)),
    web.post(f"{FORMS}/make-link/", page(post_make_link)),
    web.post(f"{FORMS}/revoke-link/", page(post_revoke_link)),
    web.post(f"{FORMS}/visibility/", page(post_visibility)),
    web.post(f"{FORMS}/reading/", page(post_history)),
)
