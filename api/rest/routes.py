"""The URL table."""

from collections.abc import Iterable

from aiohttp import web

from api.http import csrf
from api.http.access import restricted
from api.http.endpoints import Access, Empty, Endpoint
from api.http.paging import Page
from api.operations import health
from api.rest import accounts, docs, events, messages, read_marks, rooms, tokens
from api.rest.accounts import Credentials, LoggedIn
from api.rest.events import Feed, RoomEvents
from api.rest.messages import NewMessage
from api.rest.read_marks import Readings, ReadUpTo
from api.rest.rooms import NewRoom
from api.rest.tokens import IssuedToken
from projections.readmodels.read_marks import Reading
from projections.readmodels.shapes import Member, Message, Room, RoomFound, User

EVERYONE = Access.EVERYONE
ROOM = "/api/rooms/{room_id}"
CURSOR = ("page", "before", "limit")

ENDPOINTS = (
    Endpoint("GET", "/api/csrf/", csrf.get_csrf, Empty, access=EVERYONE),
    Endpoint("POST", "/api/signup/", accounts.sign_up, User, 201, Credentials, access=EVERYONE),
    Endpoint("POST", "/api/login/", accounts.log_in, LoggedIn, 200, Credentials, access=EVERYONE),
    Endpoint("POST", "/api/logout/", accounts.log_out, Empty),
    Endpoint(
        "GET", "/api/token/connection/", tokens.get_connection_token, IssuedToken, access=EVERYONE, refusals=(401,)
    ),
    Endpoint(
        "GET",
        "/api/token/subscription/",
        tokens.get_subscription_token,
        IssuedToken,
        query=("channel",),
        access=EVERYONE,
        refusals=(401, 403),
    ),
    Endpoint("GET", "/api/rooms/", rooms.get_rooms, Page[Room], query=("page",)),
    Endpoint("POST", "/api/rooms/", rooms.open_room, Room, 201, NewRoom, records=True, refusals=(409,)),
    Endpoint("GET", f"{ROOM}/", rooms.get_room, Room),
    Endpoint("GET", "/api/search/", rooms.search, Page[RoomFound], query=("q", "page")),
    Endpoint("GET", f"{ROOM}/messages/", messages.get_messages, Page[Message], query=CURSOR),
    Endpoint("POST", f"{ROOM}/messages/", messages.post_message, Message, 201, NewMessage, records=True),
    Endpoint("POST", f"{ROOM}/join/", rooms.join_room, Member, 200, Empty, records=True, refusals=(409,)),
    Endpoint("POST", f"{ROOM}/leave/", rooms.leave_room, Member, 200, Empty, records=True),
    Endpoint("GET", f"{ROOM}/members/", rooms.get_members, Page[User], query=("at", "page")),
    Endpoint("POST", f"{ROOM}/read/", read_marks.mark_read, Reading, 200, ReadUpTo),
    Endpoint("GET", "/api/readings/", read_marks.get_readings, Readings),
    Endpoint("GET", f"{ROOM}/events/", events.get_events, RoomEvents, query=("after", "limit")),
    Endpoint("GET", "/api/feed/", events.get_feed, Feed, query=("after", "limit")),
)


def routes() -> Iterable[web.RouteDef]:
    """Every route of the application."""
    for endpoint in ENDPOINTS:
        handler = restricted(endpoint.handler, endpoint.access)
        yield web.get(endpoint.path, handler) if endpoint.method == "GET" else web.post(endpoint.path, handler)
    yield web.get("/api/openapi.json", docs.document(ENDPOINTS))
    yield web.get("/api/docs/", docs.page(ENDPOINTS))
    yield web.get("/healthz", health.get_health)
    yield web.get("/readyz", health.get_readiness)
    yield web.get("/metrics", health.get_metrics)
