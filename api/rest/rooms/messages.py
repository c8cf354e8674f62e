"""Messages: reading and posting them."""

from typing import Annotated

from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType

from api.http.app_keys import ACCOUNTS, CORE, SESSION, UPLOADS
from api.http.endpoints import ROOM, Endpoint
from api.http.limits import count_message
from api.http.paging import Page, numbered_page, page_number, page_of_messages
from api.http.parsing import BIGINT, idempotency_key, query_number, read_body, room_id, upload_ids
from api.rest.recorded import recorded_body
from domain.room import CONTENT_LIMIT
from domain.room.attaching import MOST_ATTACHED
from domain.room.messages import PostMessage
from eventstore.values import Version
from projections.readmodels.queries import PAGE
from projections.readmodels.shapes import Message

MAX_MESSAGES = 500
"""In one answer."""


Content = Annotated[str, Meta(extra_json_schema={"maxLength": CONTENT_LIMIT, "pattern": r"\S|^$"})]
"""Empty only where there are files."""


class NewContent(Struct, frozen=True):
    """What a message says from now on."""

    content: Content


class NewMessage(Struct, frozen=True):
    """The content of a message to post, the id of the message that it answers, and the ids of uploads to attach."""

    content: Content
    reply_to: Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": BIGINT})] | UnsetType = UNSET
    attachments: Annotated[list[str], Meta(extra_json_schema={"maxItems": MOST_ATTACHED})] | UnsetType = UNSET


async def get_messages(request: web.Request) -> web.Response:
    """GET /api/rooms/{room_id}/messages/?page= or ?before=&limit=: newest first; 404 when not a member."""
    room = room_id(request)
    user_id = request[SESSION].user.id
    queries = request.app[CORE].queries
    if "before" in request.query or "limit" in request.query:
        before = Version(query_number(request, "before", default=BIGINT))
        limit = query_number(request, "limit", default=PAGE, least=1, most=MAX_MESSAGES)
        found = await queries.messages_before(user_id, room, before=before, limit=limit)
        return page_of_messages(request, found, limit=limit)
    number = page_number(request)
    return numbered_page(request, await queries.messages(user_id, room, page=number), number)


async def post_message(request: web.Request) -> web.Response:
    """POST /api/rooms/{room_id}/messages/ {"content", "reply_to", "attachments"}: 201 Message; 400, 404, 409."""
    room = room_id(request)
    key = idempotency_key(request)
    body = await read_body(request, NewMessage)
    count_message(request)
    reply_to = body.reply_to if body.reply_to is not UNSET else None
    files = upload_ids(body.attachments) if body.attachments is not UNSET else []
    user_id = request[SESSION].user.id
    command = PostMessage(room, user_id, body.content, key, reply_to, tuple(map(str, files)))
    named = await request.app[ACCOUNTS].named_in(body.content)
    attached = await request.app[UPLOADS].named(room, user_id, files)
    core = request.app[CORE]
    core.authors.expect(request[SESSION].user)
    posted = core.chat.post_message(command, named=named, attached=attached)
    return await recorded_body(request, posted, status=201)


ENDPOINTS = (
    Endpoint("GET", f"{ROOM}/messages/", get_messages, Page[Message], query=("page", "before", "limit")),
    Endpoint("POST", f"{ROOM}/messages/", post_message, Message, 201, NewMessage, records=True, refusals=(409,)),
)
