"""Search in messages."""

from aiohttp import web
from msgspec import Struct

from api.http.app_keys import CORE, SESSION
from api.http.endpoints import Endpoint
from api.http.parsing import query_number, query_text
from api.http.responses import json_response
from projections.search.finding import NEWEST, FoundMessage
from projections.search.query import parse


class SearchResults(Struct, frozen=True):
    """Messages, the newest first. `next` is the cursor of older ones; `complete` is false while the index is built."""

    results: list[FoundMessage]
    next: str | None
    complete: bool


async def get_search(request: web.Request) -> web.Response:
    """GET /api/search/messages/?q=&cursor=: what the user may read; 400 for a query not understood."""
    query = parse(query_text(request, "q"))
    before = query_number(request, "cursor", default=NEWEST, least=1)
    found = await request.app[CORE].search.find(request[SESSION].user.id, query, before=before)
    older = str(found.older) if found.older is not None else None
    return json_response(SearchResults(found.messages, older, found.is_complete))


ENDPOINTS = (Endpoint("GET", "/api/search/messages/", get_search, SearchResults, query=("q", "cursor")),)
