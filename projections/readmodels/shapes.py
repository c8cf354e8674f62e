"""The shapes of the HTTP contract (docs/http-api.md), as answers, publications and the feed all carry them.

A shape is folded from the log: the same event gives the same `Message` or `Member`, whoever asks and whenever.
"""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, Struct

from domain.values import RoomId, UserId
from eventstore.values import Position, Version

Timestamp = Annotated[
    str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$", description="RFC 3339, UTC, microseconds")
]
"""A string, not a datetime: always six digits of a second, so that two of them compare as strings do."""


def timestamp(moment: datetime) -> Timestamp:
    """`moment` (aware, any zone) as the contract writes times."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class User(Struct, frozen=True):
    """A person, by the number that events name."""

    id: UserId
    username: str


class LastMessage(Struct, frozen=True):
    """The newest message of a room, as lists of rooms show it."""

    id: Version
    content: str
    user: User
    created_at: Timestamp


class RoomSummary(Struct, frozen=True):
    """A room at `version`. `bumped_at` is when its newest message was said, or when it was opened."""

    id: RoomId
    name: str
    version: Version
    bumped_at: Timestamp
    member_count: int
    last_message: LastMessage | None


class RoomFound(Struct, frozen=True):
    """A room in the answer to a search, for people who may not be in it."""

    id: RoomId
    name: str
    created_at: Timestamp
    is_member: bool


class MessageRoom(Struct, frozen=True):
    """What a message changed about its room: `version` is the message's own id."""

    id: RoomId
    version: Version
    bumped_at: Timestamp


class Message(Struct, frozen=True):
    """Something said. `id` is the version of the room that added it."""

    id: Version
    content: str
    user: User
    room: MessageRoom
    created_at: Timestamp


class Member(Struct, frozen=True):
    """A user who joined or left, and the room as it was right after."""

    room: RoomSummary
    user: User


Body = Message | Member
"""What an event says to people: one shape for each kind."""


class StreamEvent(Struct, frozen=True):
    """One event of the log, with the body that its publication carries."""

    version: Version
    position: Position
    type: str
    body: Body
    occurred_at: Timestamp


class RoomEvents(Struct, frozen=True):
    """Events of one room, ascending by version; `version` is the room's by now: beyond the last, there is more."""

    events: list[StreamEvent]
    version: Version
