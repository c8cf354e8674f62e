"""A row of the URL table: what routing and the OpenAPI document need to know of an endpoint."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from aiohttp.typedefs import Handler
from msgspec import Struct

ROOM = "/api/rooms/{room_id}"
"""Where a room is, for `parsing.room_id`."""


class Access(Enum):
    """Who may call an endpoint."""

    EVERYONE = "everyone"
    LOGGED_IN = "logged in"
    ADMIN = "admin"


class Empty(Struct, frozen=True):
    """An empty object."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row: the request body it takes, what it returns, who may call it."""

    method: str
    path: str
    handler: Handler
    response: Any
    status: int = 200
    body: type[Struct] | None = None
    query: tuple[str, ...] = ()
    """Names of query parameters; what each means is in `api.rest.openapi`."""
    access: Access = Access.LOGGED_IN
    records: bool = False
    """Whether it records an event, and so accepts an Idempotency-Key."""
    refusals: tuple[int, ...] = ()
    """Statuses of refusals beyond those that follow from the rest of the row."""
