"""Lists in pages: numbered ones, as existing clients know them, and the stable cursor of messages."""

from typing import Generic, TypeVar

from aiohttp import web
from msgspec import Struct

from api.http.app_keys import PROXIES
from api.http.responses import json_response
from projections.readmodels.queries import PAGE, AtPosition, ResultPage
from projections.readmodels.shapes import Message

T = TypeVar("T")

MAX_DIGITS = 12
"""Digits of a page number at most: no list is longer."""


class NoSuchPage(Exception):
    """Not a page number, or a page beyond the last."""


class Page(Struct, Generic[T], frozen=True):
    """One page of `count` results, with links to its neighbours."""

    count: int
    next: str | None
    previous: str | None
    results: list[T]


def page_number(request: web.Request) -> int:
    """The page asked for, from 1. Raises NoSuchPage."""
    text = request.query.get("page", "1")
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and int(text) >= 1):
        raise NoSuchPage
    return int(text)


def numbered_page(request: web.Request, found: AtPosition[ResultPage[T] | None], number: int) -> web.Response:
    """Page `number`, with links to its neighbours. Raises NoSuchPage when it does not exist."""
    if found.value is None:
        raise NoSuchPage
    count, results = found.value.count, found.value.results
    page = Page(
        count=count,
        next=_link(request, page=str(number + 1)) if number * PAGE < count else None,
        previous=_link(request, page=str(number - 1) if number > 2 else None) if number > 1 else None,
        results=results,
    )
    return json_response(page, position=found.position)


def page_of_messages(request: web.Request, found: AtPosition[ResultPage[Message]], *, limit: int) -> web.Response:
    """Messages older than a cursor. `next` leads to older ones, and stays correct while new ones arrive."""
    results = found.value.results
    older = _link(request, before=str(results[-1].id), limit=str(limit)) if len(results) == limit else None
    return json_response(Page(found.value.count, older, None, results), position=found.position)


def _link(request: web.Request, **changes: str | None) -> str:
    """This request's own URL with other query parameters; None removes one."""
    query = {**request.query, **changes}
    url = request.rel_url.with_query({name: value for name, value in query.items() if value is not None})
    return request.app[PROXIES].origin(request) + str(url)
