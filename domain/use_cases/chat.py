"""The use cases of rooms: each command has a method that carries it out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Generic

from domain.errors import AlreadyAMember, NameTaken
from domain.idempotency import idempotency_key
from domain.names import name_key
from domain.ports import P_co, RecordedEvent, Rooms
from domain.questions import NameHolder, SaidMessage, WhatWasSaid, WhichVersions, WhoHasName
from domain.room import NAME_TAKEN, Room, check_name
from domain.room.attaching import Attached
from domain.room.erasing import EraseContent, TellUserErased
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.room.naming import RenameRoom
from domain.room.opening import OpenRoom
from domain.values import RoomId, UserId


def must_be_free(holder: NameHolder) -> None:
    """Raises NameTaken when another room has the name."""
    if holder.is_taken:
        raise NameTaken(NAME_TAKEN)


def any_name(_: NameHolder) -> None:
    """Refuses none."""


class Chat(Generic[P_co]):
    """The use cases of rooms. Every method returns the recorded event, after commit.

    Raises what `domain.errors` lists when the rules refuse; the store raises its own errors when it cannot record.
    """

    def __init__(self, rooms: Rooms[P_co]) -> None:
        self._rooms = rooms

    async def open_room(self, command: OpenRoom) -> RecordedEvent[P_co]:
        """Open a room; its opener is its first member. Names of private rooms need not be free: whether one has a name
        is not told. Raises NameTaken, InvalidField.
        """
        room = Room.open(
            name=command.name, user_id=command.user_id, visibility=command.visibility, history=command.history
        )
        question = WhoHasName(name_key(command.name), room.room_id)
        check = must_be_free if command.visibility == "public" else any_name
        return await self._rooms.add(room, question=question, check=check, key=idempotency_key(command))

    async def post_message(
        self, command: PostMessage, *, named: Sequence[UserId] = (), attached: Sequence[Attached] = ()
    ) -> RecordedEvent[P_co]:
        """Post a message. `named` are users whom its content names, `attached` the files of the command.

        Raises RoomNotFound, NotAMember, RoomIsArchived, MutedInRoom, InvalidField; in a reply
        NoSuchMessage, RetractedMessage, ErasedMessage.
        """

        user_id, content, client_id = command.user_id, command.content, command.client_id
        key = idempotency_key(command)
        if command.reply_to is None:

            def post(room: Room) -> None:
                now = datetime.now(UTC)
                room.post(
                    user_id=user_id, content=content, client_id=client_id, now=now, named=named, attached=attached
                )

            return await self._rooms.change(command.room_id, post, key=key)

        def reply(room: Room, to: SaidMessage | None) -> None:
            now = datetime.now(UTC)
            room.reply(
                user_id=user_id,
                content=content,
                to=to,
                client_id=client_id,
                now=now,
                named=named,
                attached=attached,
            )

        question = WhatWasSaid(command.room_id, command.reply_to, user_id)
        return await self._rooms.decide(command.room_id, question, reply, key=key)

    async def join_room(self, command: JoinRoom) -> RecordedEvent[P_co]:
        """Join. Raises RoomNotFound, AlreadyAMember, RoomIsArchived, BannedFromRoom."""

        def join(room: Room) -> None:
            room.join(user_id=command.user_id, now=datetime.now(UTC))

        return await self._rooms.change(command.room_id, join, key=idempotency_key(command))

    async def join_all(self, room_id: RoomId, user_ids: Sequence[UserId]) -> RecordedEvent[P_co]:
        """Make all of these users members, or none. Raises RoomNotFound, AlreadyAMember."""

        def join(room: Room) -> None:
            if already := room.members.keys() & user_ids:
                raise AlreadyAMember(f"{len(already)} of them are members already")
            now = datetime.now(UTC)
            for user_id in user_ids:
                room.join(user_id=user_id, now=now)

        return await self._rooms.change(room_id, join, key=None)

    async def leave_room(self, command: LeaveRoom) -> RecordedEvent[P_co]:
        """Leave. Raises RoomNotFound, NotAMember, LastOwner."""

        def leave(room: Room) -> None:
            room.leave(user_id=command.user_id)

        return await self._rooms.change(command.room_id, leave, key=idempotency_key(command))

    async def rename_room(self, command: RenameRoom) -> RecordedEvent[P_co]:
        """Rename a room. Raises RoomNotFound, NotAMember, NotAllowed, NameTaken, InvalidField."""
        check_name(command.name)  # first, since a database cannot compare every text

        def rename(room: Room, holder: NameHolder) -> None:
            room.rename(user_id=command.user_id, name=command.name, is_taken=holder.is_taken, present=holder.present)

        question = WhoHasName(name_key(command.name), command.room_id)
        return await self._rooms.decide(command.room_id, question, rename, key=idempotency_key(command))

    async def erase_content(self, command: EraseContent) -> RecordedEvent[P_co]:
        """Erase words; they are gone when this answers. Of a message all versions go, also an edit that came meanwhile:
        the event says which. Raises RoomNotFound, NothingToErase, InvalidField.
        """

        def erase(room: Room, versions: Sequence[int]) -> None:
            room.erase(versions=versions, erased_by=command.erased_by, request=command.request, why=command.why)

        return await self._rooms.decide(
            command.room_id, WhichVersions(command.room_id, command.versions), erase, key=None
        )

    async def tell_user_erased(self, command: TellUserErased) -> RecordedEvent[P_co]:
        """Tell a room that an account was erased. Raises RoomNotFound."""

        def tell(room: Room) -> None:
            room.tell_user_erased(member_id=command.member_id, erased_by=command.erased_by)

        return await self._rooms.change(command.room_id, tell, key=None)
