"""Lists, a page at a time: numbered pages as existing clients know them, and the stable cursor of messages."""

from typing import Generic, TypeVar

from aiohttp import web
from msgspec import Struct

from api.http.app_keys import CLIENTS
from api.http.responses import answer
from projections.readmodels.queries import PAGE, At, Found
from projections.readmodels.shapes import Message

T = TypeVar("T")

DIGITS = 12
"""Of a page number at most: no list is longer."""


class NoSuchPage(Exception):
    """Not a page number, or one beyond the last page."""


class Page(Struct, Generic[T], frozen=True):
    """Some of `count` results, and where the others are."""

    count: int
    next: str | None
    previous: str | None
    results: list[T]


def page_number(request: web.Request) -> int:
    """The page asked for, from 1. Raises NoSuchPage."""
    text = request.query.get("page", "1")
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS and int(text) >= 1):
        raise NoSuchPage
    return int(text)


def numbered_page(request: web.Request, found: At[Found[T] | None], number: int) -> web.Response:
    """Page `number`, with links to its neighbours. Raises NoSuchPage when there is none."""
    if found.value is None:
        raise NoSuchPage
    count, results = found.value.count, found.value.results
    page = Page(
        count=count,
        next=_link(request, page=str(number + 1)) if number * PAGE < count else None,
        previous=_link(request, page=str(number - 1) if number > 2 else None) if number > 1 else None,
        results=results,
    )
    return answer(page, position=found.position)


def page_of_messages(request: web.Request, found: At[Found[Message]], *, limit: int) -> web.Response:
    """Messages older than a cursor; `next` leads further into the past, and stays right while new ones come."""
    results = found.value.results
    older = _link(request, before=str(results[-1].id), limit=str(limit)) if len(results) == limit else None
    return answer(Page(found.value.count, older, None, results), position=found.position)


def _link(request: web.Request, **changes: str | None) -> str:
    """This request's own URL with other query parameters; None removes one."""
    query = {**request.query, **changes}
    url = request.rel_url.with_query({name: value for name, value in query.items() if value is not None})
    return request.app[CLIENTS].origin(request) + str(url)
