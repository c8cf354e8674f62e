"""Who is in a room."""

from dataclasses import dataclass
from datetime import datetime

from domain.errors import AlreadyAMember
from domain.room.event import UserEvent
from domain.room.governance.roles import Roles
from domain.room.state import RoomState
from domain.values import ClientId, RoomId, UserId
from domain.words import Words, words


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
        aggregate.members[self.user_id] = self.originator_version


class UserLeft(UserEvent):
    """A member left, or was removed by another one: then `why` are that one's words, which stand apart from the log."""

    TOPIC = "user_left"
    LABEL = "left"
    WORDS = "why"
    WORDS_OPTIONAL = True
    removed_by: UserId | None = None
    why: str | None = None
    sealed: str | None = None

    @property
    def actor(self) -> UserId:
        return self.user_id if self.removed_by is None else self.removed_by

    @property
    def person(self) -> UserId | None:
        return self.user_id if self.removed_by is not None else None

    @property
    def words(self) -> Words | None:
        return words(self.why, self.sealed) if self.removed_by is not None else None

    def apply(self, aggregate: RoomState) -> None:
        del aggregate.members[self.user_id]
        aggregate.roles.pop(self.user_id, None)


class Membership(Roles):
    """Who is in the room."""

    def join(self, *, user_id: UserId, now: datetime | None = None) -> None:
        """Make `user_id` a member. Raises AlreadyAMember, RoomIsArchived, BannedFromRoom.

        Without `now`, no ban on record has ended.
        """
        if user_id in self.members:
            raise AlreadyAMember("already a member")
        self.check_may_enter(user_id, now=now)
        self.trigger_event(UserJoined, user_id=user_id)

    def leave(self, *, user_id: UserId) -> None:
        """End the membership of `user_id`. Raises NotAMember; LastOwner where others would be left without an owner."""
        self._must_have(user_id)
        self.check_not_last_owner(user_id)
        self.trigger_event(UserLeft, user_id=user_id)
