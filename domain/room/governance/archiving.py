"""Archived rooms: they are read, and nothing is said in them."""

from dataclasses import dataclass
from datetime import datetime

from domain.errors import RoomNotArchived
from domain.room.event import UserEvent
from domain.room.governance.roles import Roles
from domain.room.state import RoomState
from domain.values import ClientId, RoomId, UserId


@dataclass(frozen=True, slots=True)
class ArchiveRoom:
    """Archive a room: from then on it is only read."""

    room_id: RoomId
    user_id: UserId
    client_id: ClientId | None = None

    def decide(self, room: "Archiving", _now: datetime) -> None:
        room.archive(user_id=self.user_id)


@dataclass(frozen=True, slots=True)
class ReopenRoom:
    """Reopen an archived room."""

    room_id: RoomId
    user_id: UserId
    client_id: ClientId | None = None

    def decide(self, room: "Archiving", _now: datetime) -> None:
        room.reopen(user_id=self.user_id)


class RoomArchived(UserEvent):
    """Nothing more is said in the room, and no one joins it."""

    TOPIC = "room_archived"
    LABEL = "archived the room"

    def apply(self, aggregate: RoomState) -> None:
        aggregate.is_archived = True


class RoomReopened(UserEvent):
    """The room is open again."""

    TOPIC = "room_reopened"
    LABEL = "reopened the room"

    def apply(self, aggregate: RoomState) -> None:
        aggregate.is_archived = False


class Archiving(Roles):
    """Whether the room is archived."""

    def archive(self, *, user_id: UserId) -> None:
        """Archive the room. Raises NotAMember, NotAllowed, RoomIsArchived."""
        self.check_owner(user_id)
        self.must_be_open()
        self.trigger_event(RoomArchived, user_id=user_id)

    def reopen(self, *, user_id: UserId) -> None:
        """Reopen the room. Raises NotAMember, NotAllowed, RoomNotArchived."""
        self.check_owner(user_id)
        if not self.is_archived:
            raise RoomNotArchived("The room is not archived.")
        self.trigger_event(RoomReopened, user_id=user_id)
