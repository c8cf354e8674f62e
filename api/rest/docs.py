"""The documentation of the API: OpenAPI for programs, one page without external resources for people."""

import asyncio
from functools import cache

import jinja2
import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from api.files import TEMPLATES
from api.http.endpoints import Endpoint
from api.http.files.static_files import static_files
from api.rest.openapi import openapi

PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}


def document(endpoints: tuple[Endpoint, ...]) -> Handler:
    """GET /api/openapi.json."""

    async def get_document(_: web.Request) -> web.Response:
        return web.Response(body=await asyncio.to_thread(_document, endpoints), content_type="application/json")

    return get_document


def page(endpoints: tuple[Endpoint, ...]) -> Handler:
    """GET /api/docs/."""

    async def get_page(_: web.Request) -> web.Response:
        return web.Response(body=await asyncio.to_thread(_page, endpoints), headers=PAGE_HEADERS)

    return get_page


@cache
def _document(endpoints: tuple[Endpoint, ...]) -> bytes:
    """Made when it is first asked for, as the page is: most processes never show it."""
    return msgspec.json.encode(openapi(endpoints))


@cache
def _page(endpoints: tuple[Endpoint, ...]) -> bytes:
    templates = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
    templates.globals.update(static=static_files().url)
    return templates.get_template("api_docs.html").render(api=openapi(endpoints)).encode()
