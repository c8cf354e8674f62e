"""The documentation of the API: OpenAPI for programs, one page without external resources for people."""

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


@cache
def document(endpoints: tuple[Endpoint, ...]) -> Handler:
    """GET /api/openapi.json."""
    body = msgspec.json.encode(openapi(endpoints))

    async def get_document(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    return get_document


@cache
def page(endpoints: tuple[Endpoint, ...]) -> Handler:
    """GET /api/docs/."""
    templates = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
    templates.globals.update(static=static_files().url)
    body = templates.get_template("api_docs.html").render(api=openapi(endpoints)).encode()

    async def get_page(_: web.Request) -> web.Response:
        return web.Response(body=body, headers=PAGE_HEADERS)

    return get_page
