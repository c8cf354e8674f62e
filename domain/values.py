"""The small types that commands and events are made of."""

from typing import NewType
from uuid import UUID

RoomId = NewType("RoomId", UUID)
UserId = NewType("UserId", int)
ClientId = NewType("ClientId", str)
"""A name that a client gives to one intention of its own, so that sending it twice does it once."""
