"""Who enters rooms: direct conversations, invitations, links, and what joiners may read."""

from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from api.http.app_keys import CORE, SESSION
from api.http.endpoints import ROOM, Empty, Endpoint
from api.http.parsing import idempotency_key, query_text, read_body, room_id
from api.http.responses import json_response
from api.http.rooms.entering import direct_room, find_users, join_room_of, make_room_link, room_of_link
from api.http.rooms.inviting import decline_invitation_to, invite_user, withdraw_invitation_of
from api.rest.recorded import recorded_body
from domain.room.access import ChangeHistory, ChangeVisibility, as_history, as_visibility
from domain.room.invitations import (
    LONGEST_LIFE,
    USES_LIMIT,
    DeclineInvitation,
    InviteUser,
    RevokeLink,
    WithdrawInvitation,
)
from domain.room.room import PEOPLE_LIMIT
from domain.values import UserId
from eventstore.values import Version
from projections.readmodels.admission.queries import InvitationLink, NamedRoom, OpenInvitation
from projections.readmodels.shapes import Invitation, Member, RoomSummary, User

Username = Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": 150})]


class NewDirect(Struct, frozen=True):
    """The other people of a direct conversation, by name."""

    usernames: Annotated[list[Username], Meta(extra_json_schema={"minItems": 1, "maxItems": PEOPLE_LIMIT - 1})]


class NewVisibility(Struct, frozen=True):
    """Who may enter from now on."""

    visibility: Annotated[str, Meta(extra_json_schema={"enum": ["public", "private"]})]


class NewHistory(Struct, frozen=True):
    """What joiners may read from now on."""

    history: Annotated[str, Meta(extra_json_schema={"enum": ["all", "since_joining"]})]


class Invitee(Struct, frozen=True):
    """Who is invited, by name."""

    username: Username


class InviteeId(Struct, frozen=True):
    """Whose invitation is withdrawn."""

    user_id: UserId


class NewLink(Struct, frozen=True):
    """For how long a link is valid, and for how many people."""

    days: Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": LONGEST_LIFE.days})] = 7
    uses: Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": USES_LIMIT})] = 1


class MadeLink(Struct, frozen=True):
    """A new link. `token` is shown this once: the service does not keep it. `path` is the page that it opens."""

    link: Version
    token: str
    path: str


class LinkNumber(Struct, frozen=True):
    """The link that is revoked, by the version that made it."""

    link: Version


class LinkToken(Struct, frozen=True):
    """The token of a link."""

    token: str


class OpenInvitations(Struct, frozen=True):
    """The caller's invitations, the newest first."""

    invitations: list[OpenInvitation]


class Invited(Struct, frozen=True):
    """Who is invited to a room and has not answered."""

    users: list[User]


class Links(Struct, frozen=True):
    """The links of a room that are in use."""

    links: list[InvitationLink]


async def open_direct(request: web.Request) -> web.Response:
    """POST /api/direct/ {"usernames"}: 201 RoomSummary; 200 where these people have a conversation already; 400."""
    key = idempotency_key(request)
    body = await read_body(request, NewDirect)
    found, is_new = await direct_room(request, body.usernames, key=key)
    return json_response(found.value, status=201 if is_new else 200, position=found.position)


async def change_visibility(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/visibility/ {"visibility"}: 200 Member; 400, 403, 404; 409 when its name is taken."""
    room, key = room_id(request), idempotency_key(request)
    body = await read_body(request, NewVisibility)
    command = ChangeVisibility(room, request[SESSION].user.id, as_visibility(body.visibility), key)
    return await recorded_body(request, request.app[CORE].admission.change_visibility(command))


async def change_history(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/history/ {"history"}: 200 Member; 400, 403, 404, 409."""
    room, key = room_id(request), idempotency_key(request)
    body = await read_body(request, NewHistory)
    command = ChangeHistory(room, request[SESSION].user.id, as_history(body.history), key)
    return await recorded_body(request, request.app[CORE].admission.change_history(command))


async def invite(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/invite/ {"username"}: 200 Invitation; 400, 404, 409. Any member may."""
    room, key = room_id(request), idempotency_key(request)
    body = await read_body(request, Invitee)
    await request.app[CORE].queries.room(request[SESSION].user.id, room)  # strangers learn of no account here
    [invitee] = await find_users(request, "username", [body.username])
    command = InviteUser(room, request[SESSION].user.id, invitee, key)
    return await recorded_body(request, invite_user(request, command))


async def withdraw_invitation(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/withdraw-invitation/ {"user_id"}: 200 Invitation; 404, 409. Any member may."""
    room, key = room_id(request), idempotency_key(request)
    body = await read_body(request, InviteeId)
    command = WithdrawInvitation(room, request[SESSION].user.id, body.user_id, key)
    return await recorded_body(request, withdraw_invitation_of(request, command))


async def decline_invitation(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/decline/: 200 {}; 404 without an invitation."""
    command = DeclineInvitation(room_id(request), request[SESSION].user.id, idempotency_key(request))
    await read_body(request, Empty)
    recorded = await decline_invitation_to(request, command)
    return json_response({}, position=recorded.position)


async def get_invitations(request: web.Request) -> web.Response:
    """GET /api/invitations/: 200 OpenInvitations."""
    found = await request.app[CORE].invitations.invitations_of(request[SESSION].user.id)
    return json_response(OpenInvitations(found))


async def get_invited(request: web.Request) -> web.Response:
    """GET /api/rooms/{room_id}/invitations/: 200 Invited; 404 when not a member."""
    room = await request.app[CORE].queries.room(request[SESSION].user.id, room_id(request))
    found = await request.app[CORE].invitations.invited_to(room.value.id)
    return json_response(Invited(found), position=room.position)


async def get_links(request: web.Request) -> web.Response:
    """GET /api/rooms/{room_id}/links/: 200 Links; 404 when not a member."""
    room = await request.app[CORE].queries.room(request[SESSION].user.id, room_id(request))
    found = await request.app[CORE].invitations.links(room.value.id)
    return json_response(Links(found), position=room.position)


async def make_link(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/links/ {"days", "uses"}: 201 MadeLink; 400, 404, 409. Any member may."""
    room = room_id(request)
    body = await read_body(request, NewLink)
    made = await make_room_link(request, room, days=body.days, uses=body.uses)
    return json_response(MadeLink(made.link, made.token, made.path), status=201, position=made.position)


async def revoke_link(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/revoke-link/ {"link"}: 200 Member; 404. Any member may."""
    room, key = room_id(request), idempotency_key(request)
    body = await read_body(request, LinkNumber)
    command = RevokeLink(room, request[SESSION].user.id, body.link, key)
    return await recorded_body(request, request.app[CORE].admission.revoke_link(command))


async def get_link(request: web.Request) -> web.Response:
    """GET /api/join/?link=<token>: 200 NamedRoom, the room that the link leads to; 404 link_not_valid."""
    return json_response(await room_of_link(request, query_text(request, "link")))


async def join_by_link(request: web.Request) -> web.Response:
    """POST /api/join/ {"token"}: 200 Member; 404 link_not_valid; 409 for a member."""
    key = idempotency_key(request)
    body = await read_body(request, LinkToken)
    return await recorded_body(request, join_room_of(request, body.token, key=key))


ENDPOINTS = (
    Endpoint("POST", "/api/direct/", open_direct, RoomSummary, 201, NewDirect, records=True),
    Endpoint(
        "POST", f"{ROOM}/visibility/", change_visibility, Member, 200, NewVisibility, records=True, refusals=(409,)
    ),
    Endpoint("POST", f"{ROOM}/history/", change_history, Member, 200, NewHistory, records=True, refusals=(409,)),
    Endpoint("GET", "/api/invitations/", get_invitations, OpenInvitations),
    Endpoint("GET", f"{ROOM}/invitations/", get_invited, Invited),
    Endpoint("POST", f"{ROOM}/invite/", invite, Invitation, 200, Invitee, records=True, refusals=(409,)),
    Endpoint(
        "POST",
        f"{ROOM}/withdraw-invitation/",
        withdraw_invitation,
        Invitation,
        200,
        InviteeId,
        records=True,
        refusals=(409,),
    ),
    Endpoint("POST", f"{ROOM}/decline/", decline_invitation, Empty, 200, Empty, records=True),
    Endpoint("GET", f"{ROOM}/links/", get_links, Links),
    Endpoint("POST", f"{ROOM}/links/", make_link, MadeLink, 201, NewLink, refusals=(409,)),
    Endpoint("POST", f"{ROOM}/revoke-link/", revoke_link, Member, 200, LinkNumber, records=True),
    Endpoint("GET", "/api/join/", get_link, NamedRoom, query=("link",), refusals=(404,)),
    Endpoint("POST", "/api/join/", join_by_link, Member, 200, LinkToken, records=True, refusals=(404, 409)),
)
