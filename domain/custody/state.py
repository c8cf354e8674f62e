"""What the record remembers, as the commands of every subject see it."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.values import RoomId


class CustodyState:
    """The state that `Custody` sets up. Commands read it and decide; `trigger_event` makes an event that changes it."""

    holds: set[int]
    """In force, by the versions that placed them."""

    rules: dict[str, list[int | None]]
    """In force, by `place_of` the room: the version that set each, and its days: keep at least, erase after."""

    requests: set[str]
    """Of which something waits."""

    if TYPE_CHECKING:

        def trigger_event(self, event_class: type[Any], **kwargs: Any) -> None: ...


def place_of(room_id: RoomId | None) -> str:
    """What a rule is for: a room, or all of them."""
    return room_id.hex if room_id is not None else ""


def plain(room_id: RoomId | None) -> RoomId | None:
    """Of the standard library's own type: a driver has another, which no event can hold."""
    return RoomId(UUID(int=room_id.int)) if room_id is not None else None
