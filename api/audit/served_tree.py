"""Checkpoints, tiles and entries over HTTP, as C2SP's tlog-tiles says. These paths end without a slash."""

import hmac

from aiohttp import web
from aiohttp.typedefs import Handler

from api.http.access import restricted
from api.http.app_keys import CORE, SETTINGS
from api.http.endpoints import Access
from api.http.parsing import NoSuchPath
from audit.tree import served, tiles
from audit.tree.tiles import HIGHEST_LEVEL, WIDTH, TileId

NUMBER = r"{number:(?:x\d{3}/)*\d{3}}"
PARTIAL = r".p/{width:[1-9]\d{0,2}}"
FOR_EVER = "public, max-age=31536000, immutable"
BRIEFLY = "public, max-age=1"


async def get_checkpoint(request: web.Request) -> web.Response:
    """GET /audit/{epoch}/checkpoint: the newest checkpoint."""
    async with request.app[CORE].database.connection() as connection:
        note = await served.checkpoint(_epoch(request), connection)
    if note is None:
        raise NoSuchPath
    return web.Response(text=note, headers={"Cache-Control": BRIEFLY})


async def get_tile(request: web.Request) -> web.Response:
    """GET /audit/{epoch}/tile/{level}/{number}[.p/{width}]: hashes of a tile, 32 bytes each."""
    level = int(request.match_info["level"])
    if level > HIGHEST_LEVEL:
        raise NoSuchPath
    tile = TileId(level, _number(request))
    async with request.app[CORE].database.connection() as connection:
        return _immutable(await served.tile(_epoch(request), tile, _width(request), connection))


async def get_entries(request: web.Request) -> web.Response:
    """GET /audit/{epoch}/tile/entries/{number}[.p/{width}]: entries, each behind its length. For auditors."""
    async with request.app[CORE].database.connection() as connection:
        return _immutable(await served.entries(_epoch(request), _number(request), _width(request), connection))


def _for_auditors(handler: Handler) -> Handler:
    """`handler` for admins, and for programs that send AUDIT_TOKEN."""
    for_admins = restricted(handler, Access.ADMIN)

    async def check_and_handle(request: web.Request) -> web.StreamResponse:
        token = request.app[SETTINGS].audit_token
        sent = request.headers.get("Authorization", "")
        if token and hmac.compare_digest(sent.encode(errors="replace"), f"Bearer {token}".encode()):
            return await handler(request)
        return await for_admins(request)

    return check_and_handle


def _immutable(body: bytes | None) -> web.Response:
    if body is None:
        raise NoSuchPath
    return web.Response(body=body, content_type="application/octet-stream", headers={"Cache-Control": FOR_EVER})


def _epoch(request: web.Request) -> int:
    return int(request.match_info["epoch"])


def _number(request: web.Request) -> int:
    try:
        return tiles.number_of(request.match_info["number"])
    except ValueError as error:
        raise NoSuchPath from error


def _width(request: web.Request) -> int:
    width = int(request.match_info.get("width", WIDTH))
    if width > WIDTH or (width == WIDTH and "width" in request.match_info):
        raise NoSuchPath
    return width


def routes() -> list[web.RouteDef]:
    """The URL table of the tree."""
    epoch = r"/audit/{epoch:[1-9]\d{0,8}}"
    found = [web.get(f"{epoch}/checkpoint", get_checkpoint)]
    for suffix in ("", PARTIAL):
        entries = _for_auditors(get_entries)
        found.append(web.get(f"{epoch}/tile/entries/{NUMBER}{suffix}", entries))
        found.append(web.get(rf"{epoch}/tile/{{level:0|[1-9]\d?}}/{NUMBER}{suffix}", get_tile))
    return found
