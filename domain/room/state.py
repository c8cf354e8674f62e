"""What a room remembers, as the commands of every subject see it."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict

from domain.errors import NotAllowed, NotAMember
from domain.values import UserId


class Link(TypedDict):
    """An invitation link that is not revoked: which version made it, and for how long and how many it is valid."""

    made_at: int
    expires_at: datetime
    uses_left: int


class RoomState:
    """The state that `Room` sets up. Commands read it and decide; `trigger_event` makes an event, which changes it."""

    members: set[UserId]
    name_version: int
    """The version that gave the room its name."""

    opened_by: UserId

    visibility: str
    open_from: int | None
    """From which version a joiner may read; None: from their own joining."""

    invited: dict[str, int]
    """By the user's id, as text since a snapshot is JSON, the version that invited them."""

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

    def check_owner(self, user_id: UserId) -> None:
        """Raises NotAMember, NotAllowed unless `user_id` owns the room: until rooms have roles, who opened it does."""
        self._must_have(user_id)
        if user_id != self.opened_by:
            raise NotAllowed("Only an owner of the room may do this.")
