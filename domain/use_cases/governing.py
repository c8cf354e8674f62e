"""The use cases of owners and moderators: roles, moderation, the topic, archiving."""

from datetime import UTC, datetime
from typing import Generic, Protocol

from domain.idempotency import Command, idempotency_key
from domain.ports import P_co, RecordedEvent, Rooms
from domain.room import Room
from domain.values import RoomId, UserId


class RoomDecision(Command, Protocol):
    """What an owner or moderator asks for, such as `BanUser`: it knows which method of the room decides."""

    @property
    def room_id(self) -> RoomId: ...

    def decide(self, room: Room, now: datetime, /) -> None:
        """Raises what that method raises, where the rules refuse."""


class Governing(Generic[P_co]):
    """Both methods return the recorded event, after commit, and raise RoomNotFound. OPERATOR may do all of it, without
    being a member.
    """

    def __init__(self, rooms: Rooms[P_co]) -> None:
        self._rooms = rooms

    async def decide(self, request: RoomDecision) -> RecordedEvent[P_co]:
        """Do what is asked for, or raise what the rules refuse it with. Where a member is banned, the event returned is
        the removal.
        """
        return await self._rooms.change(
            request.room_id, lambda room: request.decide(room, datetime.now(UTC)), key=idempotency_key(request)
        )

    async def succeed(self, room_id: RoomId, user_id: UserId, *, why: str) -> RecordedEvent[P_co]:
        """Make another member the owner of a room whose only owner can no longer act. Raises SameRole."""
        return await self._rooms.change(room_id, lambda room: room.succeed(user_id=user_id, why=why), key=None)
