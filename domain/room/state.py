"""What a room remembers, as the commands of every subject see it."""

from typing import TYPE_CHECKING, Any

from domain.errors import NotAMember
from domain.values import UserId


class RoomState:
    """The state that `Room` sets up. Commands read it and decide; `trigger_event` makes an event, which changes it."""

    members: set[UserId]
    name_version: int
    """The version that gave the room its name."""

    if TYPE_CHECKING:

        @property
        def version(self) -> int: ...

        @version.setter
        def version(self, version: int) -> None: ...

        def trigger_event(self, event_class: type[Any], **kwargs: Any) -> None: ...

    def _must_have(self, user_id: UserId) -> None:
        if user_id not in self.members:
            raise NotAMember("not a member of this room")
