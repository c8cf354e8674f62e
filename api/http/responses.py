"""Answers: typed values to JSON."""

from typing import Any

import msgspec
from aiohttp import web
from multidict import CIMultiDict

_encode = msgspec.json.Encoder().encode


def answer(value: Any, *, status: int = 200, position: int | None = None) -> web.Response:
    """`value` (anything msgspec encodes) as JSON. `position` is the place in the log that it reflects."""
    headers = CIMultiDict({"Content-Type": "application/json", "Cache-Control": "no-store"})
    if position is not None:
        headers["X-Position"] = str(position)
    return web.Response(body=_encode(value), status=status, headers=headers)
