"""Who may enter a room, and what a joiner may read of what came before."""

from dataclasses import dataclass
from typing import Literal

from domain.errors import InvalidField, NameTaken
from domain.room.event import UserEvent
from domain.room.governance.roles import Roles
from domain.room.naming import NAME_TAKEN
from domain.room.state import RoomState
from domain.values import ClientId, RoomId, UserId

Visibility = Literal["public", "private", "direct"]
"""Public: found and joined by everyone. Private: by invitation. Direct: of the people for whom it was opened."""

History = Literal["all", "since_joining"]
"""What a joiner may read: what was said since the room was last opened further, or only what is said from then on."""


def as_visibility(text: str) -> Visibility:
    """Raises InvalidField unless `text` is what a room with a name can be."""
    if text not in ("public", "private"):
        raise InvalidField("visibility", "A room is public or private.")
    return "public" if text == "public" else "private"


def as_history(text: str) -> History:
    """Raises InvalidField unless `text` says what joiners may read."""
    if text not in ("all", "since_joining"):
        raise InvalidField("history", "Joiners read all, or since_joining.")
    return "all" if text == "all" else "since_joining"


@dataclass(frozen=True, slots=True)
class ChangeVisibility:
    """Make a room public or private."""

    room_id: RoomId
    user_id: UserId
    visibility: Visibility
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class ChangeHistory:
    """Change what joiners may read from now on."""

    room_id: RoomId
    user_id: UserId
    history: History
    client_id: ClientId | None = None


class VisibilityChanged(UserEvent):
    """The room became public or private. What was said in a private room is not opened to those who join later."""

    TOPIC = "visibility_changed"
    LABEL = "changed who may enter"
    visibility: Visibility

    def apply(self, aggregate: RoomState) -> None:
        aggregate.visibility = self.visibility
        if self.visibility == "public" and aggregate.open_from is not None:
            aggregate.open_from = self.originator_version


class HistoryChanged(UserEvent):
    """Joiners read something else from now on. What was said while history began with joining is not opened to them."""

    TOPIC = "history_changed"
    LABEL = "changed what joiners may read"
    history: History

    def apply(self, aggregate: RoomState) -> None:
        aggregate.open_from = self.originator_version if self.history == "all" else None


class Entrance(Roles):
    """Who may enter the room, and what a joiner may read."""

    def change_visibility(self, *, user_id: UserId, visibility: Visibility, is_taken: bool) -> None:
        """Make the room public or private. `is_taken`: another public room has its name.

        Raises NotAMember, NotAllowed, DirectRoom; InvalidField for what it is already; NameTaken.
        """
        self.check_owner(user_id)
        if visibility == self.visibility:
            raise InvalidField("visibility", f"The room is {visibility} already.")
        if visibility == "public" and is_taken:
            raise NameTaken(NAME_TAKEN)
        self.trigger_event(VisibilityChanged, user_id=user_id, visibility=visibility)

    def change_history(self, *, user_id: UserId, history: History) -> None:
        """Change what joiners may read. Raises NotAMember, NotAllowed, DirectRoom, InvalidField."""
        self.check_owner(user_id)
        if history == ("all" if self.open_from is not None else "since_joining"):
            raise InvalidField("history", "That is what joiners may read already.")
        self.trigger_event(HistoryChanged, user_id=user_id, history=history)
