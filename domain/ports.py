"""What the use cases need of a place that keeps rooms."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from domain.idempotency import IdempotencyKey
from domain.questions import Question
from domain.room import Room, RoomEvent
from domain.values import RoomId

T = TypeVar("T")
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
        self, room: Room, /, *, question: Question[T], check: Callable[[T], None], key: IdempotencyKey | None
    ) -> RecordedEvent[P_co]:
        """Add a new room, unless `check` raises: it is told the answer to `question`."""

    async def change(
        self, room_id: RoomId, command: Callable[[Room], None], /, *, key: IdempotencyKey | None
    ) -> RecordedEvent[P_co]:
        """Apply `command` to the room's current state. Errors of the command are raised here."""

    async def decide(
        self,
        room_id: RoomId,
        question: Question[T],
        command: Callable[[Room, T], None],
        /,
        *,
        key: IdempotencyKey | None,
    ) -> RecordedEvent[P_co]:
        """As `change`, for a command that needs a fact which rooms do not remember. It is told the answer to `question`
        at the moment of the decision: no other command comes between.
        """
