"""Typed values as JSON responses."""

from typing import Any

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from eventstore.values import Position

_encode = msgspec.json.Encoder().encode


def json_response(value: Any, *, status: int = 200, position: Position | None = None) -> web.Response:
    """`value` (anything msgspec encodes) as JSON. `position`: the log position that it reflects."""
    headers = CIMultiDict({"Content-Type": "application/json", "Cache-Control": "no-store"})
    if position is not None:
        headers["X-Position"] = str(position)
    return web.Response(body=_encode(value), status=status, headers=headers)
