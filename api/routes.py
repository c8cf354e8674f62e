"""The URL table."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Struct

from api import account_routes, csrf, events, messages, operations, rooms
from api.account_routes import Credentials, LoggedIn
from api.events import Feed, RoomEvents
from api.guard import Access, guarded
from api.messages import MessageWanted
from api.paging import Page
from api.rooms import Nothing, RoomWanted
from projections.shapes import Member, Message, Room, RoomFound, User


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the contract: what it takes, what it gives, who may call it."""

    method: str
    path: str
    handler: Handler
    gives: Any
    status: int = 200
    takes: type[Struct] | None = None
    access: Access = Access.SIGNED_IN
    records: bool = False
    """Whether it records an event, and so takes an Idempotency-Key."""


ROOM = "/api/rooms/{room_id}"

ENDPOINTS = (
    Endpoint("GET", "/api/csrf/", csrf.get_csrf, Nothing, access=Access.ANYBODY),
    Endpoint("POST", "/api/signup/", account_routes.sign_up, User, 201, Credentials, Access.ANYBODY),
    Endpoint("POST", "/api/login/", account_routes.log_in, LoggedIn, 200, Credentials, Access.ANYBODY),
    Endpoint("POST", "/api/logout/", account_routes.log_out, Nothing),
    Endpoint("GET", "/api/rooms/", rooms.get_rooms, Page[Room]),
    Endpoint("POST", "/api/rooms/", rooms.open_room, Room, 201, RoomWanted, records=True),
    Endpoint("GET", f"{ROOM}/", rooms.get_room, Room),
    Endpoint("GET", "/api/search/", rooms.search, Page[RoomFound]),
    Endpoint("GET", f"{ROOM}/messages/", messages.get_messages, Page[Message]),
    Endpoint("POST", f"{ROOM}/messages/", messages.post_message, Message, 201, MessageWanted, records=True),
    Endpoint("POST", f"{ROOM}/join/", rooms.join_room, Member, records=True),
    Endpoint("POST", f"{ROOM}/leave/", rooms.leave_room, Member, records=True),
    Endpoint("GET", f"{ROOM}/events/", events.get_events, RoomEvents),
    Endpoint("GET", "/api/feed/", events.get_feed, Feed),
)

OPERATIONS = (
    web.get("/healthz", operations.get_health),
    web.get("/readyz", operations.get_readiness),
    web.get("/metrics", operations.get_metrics),
)


def routes() -> Iterable[web.RouteDef]:
    """Every route of the application."""
    for endpoint in ENDPOINTS:
        handler = guarded(endpoint.handler, endpoint.access)
        yield web.get(endpoint.path, handler) if endpoint.method == "GET" else web.post(endpoint.path, handler)
    yield from OPERATIONS
