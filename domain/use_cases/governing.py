"""The use cases of owners and moderators: roles, moderation, the topic, archiving."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Generic, Protocol

from domain.idempotency import Command, idempotency_key
from domain.ports import P_co, RecordedEvent, Rooms
from domain.room import Room
from domain.room.governance.archiving import ArchiveRoom, ReopenRoom
from domain.room.governance.moderation import BanUser, LiftBan, LiftMute, MuteMember, RemoveMember
from domain.room.governance.roles import GiveRole
from domain.room.governance.topic import SetTopic
from domain.values import RoomId, UserId


class RoomCommand(Command, Protocol):
    """A command about a room."""

    @property
    def room_id(self) -> RoomId: ...


class Governing(Generic[P_co]):
    """Every method returns the recorded event, after commit. OPERATOR may do all of it, without being a member.

    All raise RoomNotFound and, where the rules refuse, what the command of the same name of `Room` raises.
    """

    def __init__(self, rooms: Rooms[P_co]) -> None:
        self._rooms = rooms

    async def give_role(self, command: GiveRole) -> RecordedEvent[P_co]:
        """Give a member a role."""
        return await self._change(
            command,
            lambda room: room.give_role(
                user_id=command.user_id, member_id=command.member_id, role=command.role, why=command.why
            ),
        )

    async def succeed(self, room_id: RoomId, user_id: UserId, *, why: str) -> RecordedEvent[P_co]:
        """Make another member the owner of a room whose only owner can no longer act. Raises SameRole."""
        return await self._rooms.change(room_id, lambda room: room.succeed(user_id=user_id, why=why), key=None)

    async def remove(self, command: RemoveMember) -> RecordedEvent[P_co]:
        """Remove a member."""
        return await self._change(
            command,
            lambda room: room.remove(user_id=command.user_id, member_id=command.member_id, why=command.why),
        )

    async def ban(self, command: BanUser) -> RecordedEvent[P_co]:
        """Keep a user out for a time. Where that one was a member, the event returned is the removal."""
        return await self._change(
            command,
            lambda room: room.ban(
                user_id=command.user_id,
                member_id=command.member_id,
                minutes=command.minutes,
                why=command.why,
                now=datetime.now(UTC),
            ),
        )

    async def lift_ban(self, command: LiftBan) -> RecordedEvent[P_co]:
        """Let a banned user join again."""
        return await self._change(
            command,
            lambda room: room.lift_ban(
                user_id=command.user_id, member_id=command.member_id, why=command.why, now=datetime.now(UTC)
            ),
        )

    async def mute(self, command: MuteMember) -> RecordedEvent[P_co]:
        """Let a member say nothing for a time."""
        return await self._change(
            command,
            lambda room: room.mute(
                user_id=command.user_id,
                member_id=command.member_id,
                minutes=command.minutes,
                why=command.why,
                now=datetime.now(UTC),
            ),
        )

    async def lift_mute(self, command: LiftMute) -> RecordedEvent[P_co]:
        """Let a muted member speak again."""
        return await self._change(
            command,
            lambda room: room.lift_mute(
                user_id=command.user_id, member_id=command.member_id, why=command.why, now=datetime.now(UTC)
            ),
        )

    async def set_topic(self, command: SetTopic) -> RecordedEvent[P_co]:
        """Say what a room is about."""
        return await self._change(command, lambda room: room.set_topic(user_id=command.user_id, topic=command.topic))

    async def archive(self, command: ArchiveRoom) -> RecordedEvent[P_co]:
        """Archive a room."""
        return await self._change(command, lambda room: room.archive(user_id=command.user_id))

    async def reopen(self, command: ReopenRoom) -> RecordedEvent[P_co]:
        """Reopen a room."""
        return await self._change(command, lambda room: room.reopen(user_id=command.user_id))

    async def _change(self, command: RoomCommand, change: Callable[[Room], None]) -> RecordedEvent[P_co]:
        return await self._rooms.change(command.room_id, change, key=idempotency_key(command))
