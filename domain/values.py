"""The small types that commands and events are made of."""

from typing import NewType
from uuid import UUID

RoomId = NewType("RoomId", UUID)
UserId = NewType("UserId", int)
ClientId = NewType("ClientId", str)
"""A client's idempotency key for one intention: sent twice, it counts once."""

RequestId = NewType("RequestId", UUID)
"""A request to erase: one decision of a person or a rule, which may touch many rooms."""

OPERATOR = UserId(0)
"""Stands for an operator at a shell, and for the service itself. No account has this id."""
