"""Templates and the files beside them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import aiohttp_jinja2
import jinja2
import msgspec
from aiohttp import web

from api.files import CENTRIFUGE, STATIC, TEMPLATES
from api.pages.text import linked
from projections.readmodels.shapes import timestamp


def set_up_pages(app: web.Application) -> None:
    """Let `app` render templates and serve what they refer to."""
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        filters=FILTERS,
    )
    app.router.add_get("/static/vendor/centrifuge.js", get_centrifuge)
    app.router.add_static("/static/", STATIC)


async def get_centrifuge(_: web.Request) -> web.FileResponse:
    """GET /static/vendor/centrifuge.js."""
    return web.FileResponse(CENTRIFUGE)


def to_json(value: object) -> str:
    """`value` for a `data-` attribute; the template escapes it."""
    return msgspec.json.encode(value).decode()


def day(timestamp: str) -> str:
    """The day of a timestamp in UTC: `Tuesday, 24 November 2026`."""
    return datetime.fromisoformat(timestamp).strftime("%A, %-d %B %Y")


def clock(timestamp: str) -> str:
    """The time of day of a timestamp in UTC: `08:50`."""
    return timestamp[11:16]


FILTERS: dict[str, Callable[[Any], str]] = {
    "linked": linked,
    "json": to_json,
    "day": day,
    "clock": clock,
    "timestamp": timestamp,
}
