"""The use cases of who enters a room: direct conversations, invitations, links, and what joiners may read."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Generic

from domain.errors import DirectRoomExists
from domain.idempotency import Command, idempotency_key
from domain.ports import P_co, RecordedEvent, Rooms
from domain.questions import DirectRoomOf, NameHolder, WhoHasName
from domain.room import Room
from domain.room.access import ChangeHistory, ChangeVisibility
from domain.room.invitations import (
    DeclineInvitation,
    InviteUser,
    JoinByLink,
    MakeLink,
    RevokeLink,
    WithdrawInvitation,
)
from domain.room.opening import OpenDirect
from domain.values import RoomId


class Admission(Generic[P_co]):
    """Who enters rooms. Every method returns the recorded event, after commit; all raise RoomNotFound."""

    def __init__(self, rooms: Rooms[P_co]) -> None:
        self._rooms = rooms

    async def open_direct(self, command: OpenDirect) -> RecordedEvent[P_co]:
        """Open the direct conversation of some people. Raises DirectRoomExists, which names it; InvalidField."""
        room = Room.open_direct(user_id=command.user_id, others=command.others)

        def check(existing: RoomId | None) -> None:
            if existing is not None:
                raise DirectRoomExists(existing)

        question = DirectRoomOf(tuple(sorted(room.members)))
        return await self._rooms.add(room, question=question, check=check, key=idempotency_key(command))

    async def invite(self, command: InviteUser) -> RecordedEvent[P_co]:
        """Raises NotAMember, DirectRoom, AlreadyAMember, AlreadyInvited."""

        def invite(room: Room) -> None:
            room.invite(user_id=command.user_id, invitee_id=command.invitee_id)

        return await self._change(command, command.room_id, invite)

    async def withdraw(self, command: WithdrawInvitation) -> RecordedEvent[P_co]:
        """Raises NotAMember, NotInvited."""

        def withdraw(room: Room) -> None:
            room.withdraw_invitation(user_id=command.user_id, invitee_id=command.invitee_id)

        return await self._change(command, command.room_id, withdraw)

    async def decline(self, command: DeclineInvitation) -> RecordedEvent[P_co]:
        """Raises RoomNotFound without an invitation."""

        def decline(room: Room) -> None:
            room.decline_invitation(user_id=command.user_id)

        return await self._change(command, command.room_id, decline)

    async def make_link(self, command: MakeLink) -> RecordedEvent[P_co]:
        """Raises NotAMember, DirectRoom, TooManyLinks, InvalidField."""
        now = datetime.now(UTC)

        def make(room: Room) -> None:
            room.make_link(
                user_id=command.user_id,
                token_hash=command.token_hash,
                life=command.life,
                max_uses=command.max_uses,
                now=now,
            )

        return await self._rooms.change(command.room_id, make, key=None)

    async def revoke_link(self, command: RevokeLink) -> RecordedEvent[P_co]:
        """Raises NotAMember, NoSuchLink."""

        def revoke(room: Room) -> None:
            room.revoke_link(user_id=command.user_id, link=command.link)

        return await self._change(command, command.room_id, revoke)

    async def join_by_link(self, command: JoinByLink) -> RecordedEvent[P_co]:
        """Raises LinkNotValid, AlreadyAMember."""
        now = datetime.now(UTC)

        def join(room: Room) -> None:
            room.join_by_link(user_id=command.user_id, token_hash=command.token_hash, now=now)

        return await self._change(command, command.room_id, join)

    async def change_visibility(self, command: ChangeVisibility) -> RecordedEvent[P_co]:
        """Raises NotAMember, NotAllowed, DirectRoom, InvalidField, NameTaken."""

        def change(room: Room, holder: NameHolder) -> None:
            room.change_visibility(user_id=command.user_id, visibility=command.visibility, is_taken=holder.is_taken)

        question = WhoHasName(None, command.room_id)
        return await self._rooms.decide(command.room_id, question, change, key=idempotency_key(command))

    async def change_history(self, command: ChangeHistory) -> RecordedEvent[P_co]:
        """Raises NotAMember, NotAllowed, DirectRoom, InvalidField."""

        def change(room: Room) -> None:
            room.change_history(user_id=command.user_id, history=command.history)

        return await self._change(command, command.room_id, change)

    async def _change(self, command: Command, room_id: RoomId, change: Callable[[Room], None]) -> RecordedEvent[P_co]:
        return await self._rooms.change(room_id, change, key=idempotency_key(command))
