"""The caller's invitations, and the page that a link opens."""

import contextlib

from aiohttp import web

from api.http.app_keys import CORE, SESSION
from api.http.parsing import query_text, room_id
from api.http.rooms.entering import join_room_of, room_of_link
from api.http.rooms.inviting import decline_invitation_to
from api.pages.admission import page
from api.pages.page import ROOM, field, key_field, redirect, render
from api.pages.state import layout_context, my_rooms
from domain.errors import AlreadyAMember, LinkNotValid, RoomNotFound
from domain.room.invitations import DeclineInvitation


async def get_invitations(request: web.Request) -> web.Response:
    """GET /invitations/: the caller's invitations, each with a form to join and one to decline."""
    state = await my_rooms(request)
    found = await request.app[CORE].invitations.invitations_of(state.user.id)
    return render(request, "invitations.html", {**layout_context(state), "invitations": found})


async def post_decline(request: web.Request) -> web.Response:
    """POST /rooms/{room_id}/decline/: decline an invitation."""
    command = DeclineInvitation(room_id(request), request[SESSION].user.id, await key_field(request))
    with contextlib.suppress(RoomNotFound):  # declined already, perhaps in another window
        await decline_invitation_to(request, command)
    return redirect("/invitations/")


async def get_join(request: web.Request) -> web.Response:
    """GET /join/?link=: the room that a link leads to, and a form to join it. The link is not used up by that."""
    return await _join(request, query_text(request, "link"))


async def _join(request: web.Request, token: str) -> web.Response:
    state = await my_rooms(request)
    context = {**layout_context(state), "token": token}
    try:
        room = await room_of_link(request, token)
    except LinkNotValid as error:
        return render(request, "join.html", {**context, "room_to_join": None, "problem": str(error)}, status=404)
    return render(request, "join.html", {**context, "room_to_join": room, "problem": ""})


async def post_join(request: web.Request) -> web.Response:
    """POST /join/: join by a link and redirect to the room."""
    token, key = await field(request, "token"), await key_field(request)
    try:
        room = await room_of_link(request, token)
        with contextlib.suppress(AlreadyAMember):
            await join_room_of(request, token, key=key)
    except LinkNotValid:
        return await _join(request, token)
    return redirect(f"/rooms/{room.id}/")


ROUTES = (
    web.get("/invitations/", page(get_invitations)),
    web.post(f"{ROOM}/decline/", page(post_decline)),
    web.get("/join/", page(get_join)),
    web.post("/join/", page(post_join)),
)
