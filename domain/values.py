"""The small types that commands and events are made of."""

from typing import NewType
from uuid import UUID

RoomId = NewType("RoomId", UUID)
UserId = NewType("UserId", int)
ClientId = NewType("ClientId", str)
"""A client's idempotency key for one intention: sent twice, it counts once."""
