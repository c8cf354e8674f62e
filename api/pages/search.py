"""The page that finds messages."""

from urllib.parse import urlencode

from aiohttp import web

from api.http.app_keys import CORE
from api.http.parsing import query_number, query_text
from api.pages.admission import page
from api.pages.page import render
from api.pages.state import layout_context, my_rooms
from domain.errors import InvalidField
from projections.search.finding import NEWEST, FoundPage
from projections.search.marking import excerpt
from projections.search.query import LIMIT, parse


async def get_search(request: web.Request) -> web.Response:
    """GET /search/?q=&cursor=: messages that the user may read, the newest first, hits marked."""
    text, cursor = query_text(request, "q"), query_number(request, "cursor", default=NEWEST, least=1)
    state = await my_rooms(request)
    found, problem = FoundPage([], None, is_complete=True), ""
    marked: tuple[str, ...] = ()
    if text.strip():
        try:
            query = parse(text)
            found, marked = await request.app[CORE].search.find(state.user.id, query, before=cursor), query.marked
        except InvalidField as error:
            problem = str(error)
    context = {
        **layout_context(state),
        "q": text,
        "limit": LIMIT,
        "problem": problem,
        "found": found,
        "hits": [(each, excerpt(each.message.content, marked)) for each in found.messages],
        "rooms": {room.id: room for room in state.rooms},
        "newest": None if cursor == NEWEST else "?" + urlencode({"q": text}),
        "older": "?" + urlencode({"q": text, "cursor": found.older}) if found.older is not None else None,
    }
    return render(request, "search.html", context, status=400 if problem else 200)


ROUTES = (web.get("/search/", page(get_search)),)
