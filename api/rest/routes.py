"""The URL table."""

from collections.abc import Iterable

from aiohttp import web

from api.http import csrf
from api.http.access import guarded
from api.http.endpoints import Access, Endpoint, Nothing
from api.http.paging import Page
from api.operations import health as operations
from api.rest import accounts as account_routes
from api.rest import delivery, docs, events, messages, rooms, tokens
from api.rest import read_marks as reading
from api.rest.accounts import Credentials, LoggedIn
from api.rest.delivery import DeliveryState
from api.rest.events import Feed, RoomEvents
from api.rest.messages import MessageWanted
from api.rest.read_marks import Readings, ReadUpTo
from api.rest.rooms import RoomWanted
from api.rest.tokens import Token
from projections.readmodels.read_marks import Reading
from projections.readmodels.shapes import Member, Message, Room, RoomFound, User

ANYBODY = Access.ANYBODY
ROOM = "/api/rooms/{room_id}"
CURSOR = ("page", "before", "limit")

ENDPOINTS = (
    Endpoint("GET", "/api/csrf/", csrf.get_csrf, Nothing, access=ANYBODY),
    Endpoint("POST", "/api/signup/", account_routes.sign_up, User, 201, Credentials, access=ANYBODY),
    Endpoint("POST", "/api/login/", account_routes.log_in, LoggedIn, 200, Credentials, access=ANYBODY),
    Endpoint("POST", "/api/logout/", account_routes.log_out, Nothing),
    Endpoint("GET", "/api/token/connection/", tokens.get_connection_token, Token, access=ANYBODY, refuses=(401,)),
    Endpoint(
        "GET",
        "/api/token/subscription/",
        tokens.get_subscription_token,
        Token,
        query=("channel",),
        access=ANYBODY,
        refuses=(401, 403),
    ),
    Endpoint("GET", "/api/rooms/", rooms.get_rooms, Page[Room], query=("page",)),
    Endpoint("POST", "/api/rooms/", rooms.open_room, Room, 201, RoomWanted, records=True, refuses=(409,)),
    Endpoint("GET", f"{ROOM}/", rooms.get_room, Room),
    Endpoint("GET", "/api/search/", rooms.search, Page[RoomFound], query=("q", "page")),
    Endpoint("GET", f"{ROOM}/messages/", messages.get_messages, Page[Message], query=CURSOR),
    Endpoint("POST", f"{ROOM}/messages/", messages.post_message, Message, 201, MessageWanted, records=True),
    Endpoint("POST", f"{ROOM}/join/", rooms.join_room, Member, 200, Nothing, records=True, refuses=(409,)),
    Endpoint("POST", f"{ROOM}/leave/", rooms.leave_room, Member, 200, Nothing, records=True),
    Endpoint("GET", f"{ROOM}/members/", rooms.get_members, Page[User], query=("at", "page")),
    Endpoint("POST", f"{ROOM}/read/", reading.mark_read, Reading, 200, ReadUpTo),
    Endpoint("GET", "/api/readings/", reading.get_readings, Readings),
    Endpoint("GET", f"{ROOM}/events/", events.get_events, RoomEvents, query=("after", "limit")),
    Endpoint("GET", "/api/delivery/", delivery.get_delivery, DeliveryState),
    Endpoint("GET", "/api/feed/", events.get_feed, Feed, query=("after", "limit")),
)


def routes() -> Iterable[web.RouteDef]:
    """Every route of the application."""
    for endpoint in ENDPOINTS:
        handler = guarded(endpoint.handler, endpoint.access)
        yield web.get(endpoint.path, handler) if endpoint.method == "GET" else web.post(endpoint.path, handler)
    yield web.get("/api/openapi.json", docs.document(ENDPOINTS))
    yield web.get("/api/docs/", docs.page(ENDPOINTS))
    yield web.get("/healthz", operations.get_health)
    yield web.get("/readyz", operations.get_readiness)
    yield web.get("/metrics", operations.get_metrics)
