"""The use cases around a message that was said: edit, retract, react, pin."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Generic

from domain.idempotency import idempotency_key
from domain.ports import P_co, RecordedEvent, Rooms
from domain.questions import SaidMessage, WhatWasSaid
from domain.room import Room
from domain.room.discussion.editing import EditMessage
from domain.room.discussion.pinning import PinMessage, UnpinMessage
from domain.room.discussion.reacting import AddReaction, RemoveReaction
from domain.room.discussion.retracting import RetractMessage
from domain.values import UserId

About = EditMessage | RetractMessage | AddReaction | RemoveReaction | PinMessage | UnpinMessage


class Discussion(Generic[P_co]):
    """Every method returns the recorded event, after commit. Raises what `domain.errors` lists when the rules refuse.

    `edit_window_s` is how long a message may be edited, in seconds; None: always.
    """

    def __init__(self, rooms: Rooms[P_co], *, edit_window_s: float | None) -> None:
        self._rooms = rooms
        self.edit_window_s = edit_window_s

    async def edit(self, command: EditMessage, *, named: Sequence[UserId] = ()) -> RecordedEvent[P_co]:
        """Give a message other words. `named` are users whom they name."""

        def edit(room: Room, said: SaidMessage | None) -> None:
            is_in_time = said is not None and self.is_editable(said.posted_at)
            room.edit(
                user_id=command.user_id,
                said=said,
                content=command.content,
                is_in_time=is_in_time,
                now=datetime.now(UTC),
                named=named,
            )

        return await self._rooms.decide(command.room_id, about(command), edit, key=idempotency_key(command))

    async def retract(self, command: RetractMessage) -> RecordedEvent[P_co]:
        """Take a message back."""

        def retract(room: Room, said: SaidMessage | None) -> None:
            room.retract(user_id=command.user_id, said=said, why=command.why)

        return await self._rooms.decide(command.room_id, about(command), retract, key=idempotency_key(command))

    async def react(self, command: AddReaction) -> RecordedEvent[P_co]:
        """React to a message."""

        def react(room: Room, said: SaidMessage | None) -> None:
            room.react(user_id=command.user_id, said=said, emoji=command.emoji, now=datetime.now(UTC))

        return await self._rooms.decide(command.room_id, about(command), react, key=idempotency_key(command))

    async def take_back_reaction(self, command: RemoveReaction) -> RecordedEvent[P_co]:
        """Take a reaction away."""

        def take_back(room: Room, said: SaidMessage | None) -> None:
            room.take_back_reaction(user_id=command.user_id, said=said, emoji=command.emoji)

        return await self._rooms.decide(command.room_id, about(command), take_back, key=idempotency_key(command))

    async def pin(self, command: PinMessage) -> RecordedEvent[P_co]:
        """Pin a message."""

        def pin(room: Room, said: SaidMessage | None) -> None:
            room.pin(user_id=command.user_id, said=said, now=datetime.now(UTC))

        return await self._rooms.decide(command.room_id, about(command), pin, key=idempotency_key(command))

    async def unpin(self, command: UnpinMessage) -> RecordedEvent[P_co]:
        """Take a pinned message down."""

        def unpin(room: Room, said: SaidMessage | None) -> None:
            room.unpin(user_id=command.user_id, said=said, now=datetime.now(UTC))

        return await self._rooms.decide(command.room_id, about(command), unpin, key=idempotency_key(command))

    def is_editable(self, posted_at: datetime) -> bool:
        """Whether the installation lets a message be edited that was posted then."""
        return self.edit_window_s is None or (datetime.now(UTC) - posted_at).total_seconds() < self.edit_window_s


def about(command: About) -> WhatWasSaid:
    """What these commands ask."""
    return WhatWasSaid(command.room_id, command.message, command.user_id)
