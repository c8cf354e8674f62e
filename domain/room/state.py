"""What a room remembers, as the commands of every subject see it."""

from collections.abc import MutableMapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from domain.errors import BannedFromRoom, DirectRoom, MutedInRoom, NotAMember, RoomIsArchived, RoomNotFound
from domain.values import UserId

RoomRole = Literal["owner", "moderator", "member"]


class Link(TypedDict):
    """An invitation link that is not revoked: which version made it, and for how long and how many it is valid."""

    made_at: int
    expires_at: datetime
    uses_left: int


class RoomState:
    """The state that `Room` sets up. Commands read it and decide; `trigger_event` makes an event, which changes it."""

    members: MutableMapping[UserId, int]
    """The version at which each member joined, in that order."""
    roles: MutableMapping[UserId, RoomRole]
    """Of those members who were made owners or moderators."""
    banned_until: MutableMapping[UserId, datetime]
    muted_until: MutableMapping[UserId, datetime]
    is_archived: bool
    topic_version: int
    """The version that gave the room its topic; 0 without one."""
    name_version: int
    """The version that gave the room its name."""

    visibility: str
    open_from: int | None
    """From which version a joiner may read; None: from their own joining."""

    invited: MutableMapping[UserId, int]
    """The version that invited each."""

    links: dict[str, Link]
    """By the hash of the token."""

    if TYPE_CHECKING:

        @property
        def version(self) -> int: ...

        @version.setter
        def version(self, version: int) -> None: ...

        def trigger_event(self, event_class: type[Any], **kwargs: Any) -> None: ...

    def may_moderate(self, user_id: UserId, author_id: UserId) -> bool:
        """Whether a user may retract what the author said."""
        return False

    def _must_have(self, user_id: UserId) -> None:
        if user_id not in self.members:
            raise NotAMember("not a member of this room")

    def must_not_be_direct(self) -> None:
        """Raises DirectRoom."""
        if self.visibility == "direct":
            raise DirectRoom("A direct conversation belongs to its people, as it is.")

    def check_found_by(self, user_id: UserId) -> None:
        """Raises RoomNotFound unless the room is public, or the user is invited."""
        if self.visibility == "direct" or (self.visibility == "private" and user_id not in self.invited):
            raise RoomNotFound("no such room")

    def check_may_speak(self, user_id: UserId, *, now: datetime | None = None) -> None:
        """Raises NotAMember, RoomIsArchived, MutedInRoom unless the user may say something in the room.

        Without `now`, what ends at some time has not ended.
        """
        self._must_have(user_id)
        self.must_be_open()
        if user_id in self.muted_until and is_in_force(self.muted_until[user_id], now):
            raise MutedInRoom(f"You are muted in this room until {shown(self.muted_until[user_id])}.")

    def check_may_enter(self, user_id: UserId, *, now: datetime | None = None) -> None:
        """Raises RoomIsArchived, BannedFromRoom unless the user may become a member. `now`: as above."""
        self.must_be_open()
        if user_id in self.banned_until and is_in_force(self.banned_until[user_id], now):
            raise BannedFromRoom(f"You are banned from this room until {shown(self.banned_until[user_id])}.")

    def must_be_open(self) -> None:
        """Raises RoomIsArchived."""
        if self.is_archived:
            raise RoomIsArchived("This room is archived: it can be read, and nothing is said in it.")


def is_in_force(until: datetime, now: datetime | None) -> bool:
    """Whether a ban or mute has not ended."""
    return now is None or until > now


def shown(moment: datetime) -> str:
    """A moment as refusals name it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
