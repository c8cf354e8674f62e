"""The small types that commands and events are made of."""

import hashlib
import json
from dataclasses import dataclass
from typing import NewType
from uuid import UUID

RoomId = NewType("RoomId", UUID)
UserId = NewType("UserId", int)
ClientId = NewType("ClientId", str)
"""A name that a client gives to one intention of its own, so that sending it twice does it once."""


@dataclass(frozen=True, slots=True)
class OpenRoom:
    """Open a room called `name` with the opener as its first member."""

    name: str
    user_id: UserId
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class PostMessage:
    """Say `content` in a room."""

    room_id: RoomId
    user_id: UserId
    content: str
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class JoinRoom:
    """Become a member of a room."""

    room_id: RoomId
    user_id: UserId
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class LeaveRoom:
    """Stop being a member of a room."""

    room_id: RoomId
    user_id: UserId
    client_id: ClientId | None = None


Command = OpenRoom | PostMessage | JoinRoom | LeaveRoom


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Who asked, by which name of their own, and for what: the same name for something else is a mistake to report."""

    owner: UserId
    key: ClientId
    fingerprint: bytes


def idempotency_key(command: Command) -> IdempotencyKey | None:
    """The key of a command that carries a client id; its fingerprint covers the kind of command and every field."""
    if command.client_id is None:
        return None
    fields = [type(command).__name__, *(str(getattr(command, name)) for name in command.__dataclass_fields__)]
    return IdempotencyKey(command.user_id, command.client_id, hashlib.sha256(json.dumps(fields).encode()).digest())
