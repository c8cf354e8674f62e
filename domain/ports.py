"""What the use cases need of a place that keeps rooms."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from domain.idempotency import IdempotencyKey
from domain.names import name_key
from domain.room import Room, RoomEvent
from domain.values import RoomId

P_co = TypeVar("P_co", covariant=True)
"""The type of the store's positions. The use cases only pass them on."""


class RecordedEvent(Protocol[P_co]):
    """An event in the log, and its position."""

    @property
    def position(self) -> P_co: ...

    @property
    def event(self) -> RoomEvent: ...


class Rooms(Protocol[P_co]):
    """Stores rooms. Every method returns the last event recorded, after commit.

    A repeated idempotency key records nothing and answers what the first command with it recorded.
    """

    async def add(
        self, room: Room, /, *, unique: "UniqueName", taken: Exception, key: IdempotencyKey | None
    ) -> RecordedEvent[P_co]:
        """Add a new room. Raises `taken` when another room holds its unique value."""

    async def change(
        self, room_id: RoomId, command: Callable[[Room], None], /, *, key: IdempotencyKey | None
    ) -> RecordedEvent[P_co]:
        """Apply `command` to the room's current state. Errors of the command are raised here."""

    async def claim(
        self,
        room_id: RoomId,
        unique: "UniqueName",
        command: Callable[[Room, bool, str | None], None],
        /,
        *,
        key: IdempotencyKey | None,
    ) -> RecordedEvent[P_co]:
        """As `change`, for a command that gives the room a unique value.

        The command is told whether another room holds it at that moment, and raises then; and the text under which
        this room holds it already, or None.
        """


@dataclass(frozen=True, slots=True)
class UniqueName:
    """A room's name, and the form in which names are compared: only one room may have that."""

    value: str
    text: str


def unique_name(name: str) -> UniqueName:
    """The name of a room as it is recorded: without the space around it."""
    return UniqueName(name_key(name), name.strip())
