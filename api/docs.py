"""The API, explained: to programs as OpenAPI, to people as one page that asks no other host for anything."""

from pathlib import Path
from typing import Any

import jinja2
import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
PAGE_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
}


def document(description: dict[str, Any]) -> Handler:
    """GET /api/openapi.json."""
    body = msgspec.json.encode(description)

    async def get_document(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    return get_document


def page(description: dict[str, Any]) -> Handler:
    """GET /api/docs/."""
    templates = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
    body = templates.get_template("api_docs.html").render(api=description).encode()

    async def get_page(_: web.Request) -> web.Response:
        return web.Response(body=body, headers=PAGE_HEADERS)

    return get_page
