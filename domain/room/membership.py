"""Who is in a room."""

from dataclasses import dataclass

from domain.errors import AlreadyAMember
from domain.room.event import UserEvent
from domain.room.state import RoomState
from domain.values import ClientId, RoomId, UserId


@dataclass(frozen=True, slots=True)
class JoinRoom:
    """Join a room."""

    room_id: RoomId
    user_id: UserId
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class LeaveRoom:
    """Leave a room."""

    room_id: RoomId
    user_id: UserId
    client_id: ClientId | None = None


class UserJoined(UserEvent):
    """A user joined."""

    TOPIC = "user_joined"
    LABEL = "joined"

    def apply(self, aggregate: RoomState) -> None:
        aggregate.members.add(self.user_id)


class UserLeft(UserEvent):
    """A member left."""

    TOPIC = "user_left"
    LABEL = "left"

    def apply(self, aggregate: RoomState) -> None:
        aggregate.members.remove(self.user_id)


class Membership(RoomState):
    """Who is in the room."""

    def join(self, *, user_id: UserId) -> None:
        """Make `user_id` a member. Raises AlreadyAMember."""
        if user_id in self.members:
            raise AlreadyAMember("already a member")
        self.trigger_event(UserJoined, user_id=user_id)

    def leave(self, *, user_id: UserId) -> None:
        """End the membership of `user_id`. Raises NotAMember."""
        self._must_have(user_id)
        self.trigger_event(UserLeft, user_id=user_id)
