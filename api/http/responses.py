"""Typed values as JSON responses."""

from typing import Any

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from eventstore.values import Position

_encode = msgspec.json.Encoder().encode


def json_response(
    value: Any, *, status: int = 200, position: Position | None = None, place: str | None = None
) -> web.Response:
    """`value` (anything msgspec encodes) as JSON. `position`: the log position that it reflects.

    `place`: a place in the log that has what was recorded, for clients to hand back (`generation.place_token`).
    """
    headers = CIMultiDict({"Content-Type": "application/json", "Cache-Control": "no-store"})
    if position is not None:
        headers["X-Position"] = str(position)
    if place is not None:
        headers["X-Log"] = place
    return web.Response(body=_encode(value), status=status, headers=headers)
