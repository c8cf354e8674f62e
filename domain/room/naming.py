"""What a room is called."""

from dataclasses import dataclass
from typing import Any

from domain.errors import InvalidField, NameTaken
from domain.names import name_key
from domain.room.event import UserEvent
from domain.room.governance.roles import Roles
from domain.room.state import RoomState
from domain.room.texts import check_name
from domain.values import ClientId, RoomId, UserId
from domain.words import Words, words

NAME_TAKEN = "A room with this name already exists."


@dataclass(frozen=True, slots=True)
class RenameRoom:
    """Rename a room."""

    room_id: RoomId
    user_id: UserId
    name: str
    client_id: ClientId | None = None


class RoomRenamed(UserEvent):
    """The room was renamed: by an owner, an operator or, before there were roles, by any member."""

    TOPIC = "room_renamed"
    LABEL = "renamed the room"
    WORDS = "name"
    class_version = 2
    name: str | None = None
    sealed: str | None = None
    compared = staticmethod(name_key)

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["sealed"] = None  # the name is in the log

    @property
    def words(self) -> Words:
        return words(self.name, self.sealed)

    def apply(self, aggregate: RoomState) -> None:
        aggregate.name_version = self.originator_version


class Naming(Roles):
    """What the room is called."""

    def rename(self, *, user_id: UserId, name: str, is_taken: bool, present: str | None) -> None:
        """Rename the room to `name`. `is_taken`: another public room has that name. `present`: the name that this room
        has, if the two compare as equal.

        Raises InvalidField for what cannot be a name, and for the very name that the room has; NotAMember,
        NotAllowed, NameTaken.
        """
        check_name(name)
        self.check_owner(user_id)
        if name.strip() == present:
            raise InvalidField("name", "The room has this name already.")
        if is_taken and self.visibility == "public":
            raise NameTaken(NAME_TAKEN)
        self.trigger_event(RoomRenamed, user_id=user_id, name=name.strip())
