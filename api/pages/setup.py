"""Templates and the static files they refer to."""

from collections.abc import Callable
from functools import cache
from hashlib import sha256

import aiohttp_jinja2
import jinja2
import msgspec
from aiohttp import web

from api.files import CENTRIFUGE, LINKIFY, STATIC, TEMPLATES
from api.pages.text import (
    badge,
    clock,
    clock_with_seconds,
    counted,
    day,
    day_and_clock,
    linked,
    number,
    percent,
    preview,
    rate,
)
from projections.readmodels.shapes import timestamp

COMMON_JS = """\
define("%s", (module, exports, require) => {
%s
});
"""

LINKIFY_SCRIPT = """\
globalThis.LinkifyIt = (() => {
const modules = {};
const define = (name, run) => {
  const module = { exports: {} };
  run(module, module.exports, (required) => modules[required]);
  modules[name] = module.exports;
};
%sreturn modules["linkify-it"];
})();
"""


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
    app.router.add_get("/static/vendor/linkify-it.js", get_linkify)
    app.router.add_static("/static/", STATIC)


async def get_centrifuge(_: web.Request) -> web.FileResponse:
    """GET /static/vendor/centrifuge.js."""
    return web.FileResponse(CENTRIFUGE)


async def get_linkify(request: web.Request) -> web.Response:
    """GET /static/vendor/linkify-it.js: the CommonJS modules as one classic script that defines `LinkifyIt`."""
    body = linkify_script()
    tag = sha256(body).hexdigest()
    is_known = any(known.value == tag for known in request.if_none_match or ())
    response = web.Response(status=304) if is_known else web.Response(body=body, content_type="text/javascript")
    response.etag = tag
    return response


@cache
def linkify_script() -> bytes:
    """What `get_linkify` serves."""
    modules = [COMMON_JS % (name, path.read_text(encoding="utf-8")) for name, path in LINKIFY.items()]
    return (LINKIFY_SCRIPT % "".join(modules)).encode()


def to_json(value: object) -> str:
    """`value` for a `data-` attribute; the template escapes it."""
    return msgspec.json.encode(value).decode()


FILTERS: dict[str, Callable[..., str]] = {
    "linked": linked,
    "preview": preview,
    "number": number,
    "rate": rate,
    "badge": badge,
    "counted": counted,
    "percent": percent,
    "day": day,
    "clock": clock,
    "clock_with_seconds": clock_with_seconds,
    "day_and_clock": day_and_clock,
    "timestamp": timestamp,
    "json": to_json,
}
