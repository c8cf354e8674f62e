"""Templates and the static files they refer to."""

from collections.abc import Callable
from typing import Any

import aiohttp_jinja2
import jinja2
import msgspec
from aiohttp import web
from markupsafe import Markup

from api.files import TEMPLATES
from api.http.app_keys import BUILD
from api.http.files.static_files import static_files
from api.pages.items import messages, people, rooms
from api.pages.markup.html import with_controls_shown, with_markup, with_markup_and_controls
from api.pages.text import (
    badge,
    clock,
    clock_with_seconds,
    counted,
    day,
    day_and_clock,
    erased_note,
    exactly,
    initials,
    last_words,
    number,
    percent,
    preview,
    rate,
    reacted,
    retracted_note,
    span,
    title_of,
)
from projections.readmodels.shapes import timestamp


def set_up_pages(app: web.Application) -> None:
    """Let `app` render templates and serve what they refer to."""
    files = static_files()
    templates = aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        filters=FILTERS,
    )
    templates.globals.update(static=files.url, build=files.build, **ITEMS)
    app[BUILD] = files.build
    app.router.add_get("/static/{name:.+}", files.get)


def to_json(value: object) -> Markup:
    """`value` for an attribute in single quotes: of JSON, these leave most as it is."""
    text = msgspec.json.encode(value).decode()
    return Markup(text.replace("&", "&amp;").replace("'", "&#39;").replace("<", "&lt;"))  # noqa: S704


ITEMS = {
    "avatar": people.avatar,
    "kind": people.kind,
    "message_list": messages.message_list,
    "message_text": messages.message_text,
    "reactions": messages.reactions,
    "reply_line": messages.reply_line,
    "attachments": messages.attachments,
    "mentions": messages.mentions,
    "room_groups": rooms.room_groups,
    "room_list": rooms.room_list,
    "unread_line": messages.UNREAD_LINE,
}

FILTERS: dict[str, Callable[..., Any]] = {
    "with_markup": with_markup,
    "with_markup_and_controls": with_markup_and_controls,
    "with_controls_shown": with_controls_shown,
    "preview": preview,
    "number": number,
    "rate": rate,
    "badge": badge,
    "counted": counted,
    "percent": percent,
    "span": span,
    "day": day,
    "clock": clock,
    "clock_with_seconds": clock_with_seconds,
    "exactly": exactly,
    "initials": initials,
    "day_and_clock": day_and_clock,
    "erased_note": erased_note,
    "last_words": last_words,
    "title_of": title_of,
    "reacted": reacted,
    "retracted_note": retracted_note,
    "timestamp": timestamp,
    "json": to_json,
}
