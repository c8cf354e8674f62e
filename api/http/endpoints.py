"""What a row of the URL table says: enough to route a request, and to describe the endpoint to people and programs."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from aiohttp.typedefs import Handler
from msgspec import Struct

ROOM = "/api/rooms/{room_id}"
"""Where a room is, for `parsing.room_id`."""


class Access(Enum):
    """Who may call an endpoint."""

    ANYBODY = "anybody"
    SIGNED_IN = "signed in"
    ADMIN = "admin"


class Nothing(Struct, frozen=True):
    """An empty object."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the contract: what it takes, what it gives, who may call it."""

    method: str
    path: str
    handler: Handler
    gives: Any
    status: int = 200
    takes: type[Struct] | None = None
    query: tuple[str, ...] = ()
    """Names of query parameters; what each means is in `api.rest.openapi`."""
    access: Access = Access.SIGNED_IN
    records: bool = False
    """Whether it records an event, and so takes an Idempotency-Key."""
    refuses: tuple[int, ...] = ()
    """Statuses of refusals that are this endpoint's own, beyond those that follow from the rest of the row."""
