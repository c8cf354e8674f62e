"""The use cases: for each thing that a person can do a command, and the method that does it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.errors import AlreadyAMember, NameTaken
from domain.idempotency import IdempotencyKey, idempotency_key
from domain.names import name_key
from domain.room import NAME_TAKEN, Room, RoomEvent, check_name
from domain.values import ClientId, RoomId, UserId


@dataclass(frozen=True, slots=True)
class OpenRoom:
    """Open a room called `name` with the opener as its first member."""

    name: str
    user_id: UserId
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class PostMessage:
    """Say `content` in a room."""

    room_id: RoomId
    user_id: UserId
    content: str
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class JoinRoom:
    """Become a member of a room."""

    room_id: RoomId
    user_id: UserId
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class LeaveRoom:
    """Stop being a member of a room."""

    room_id: RoomId
    user_id: UserId
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class RenameRoom:
    """Give a room another name."""

    room_id: RoomId
    user_id: UserId
    name: str
    client_id: ClientId | None = None


class RecordedEvent(Protocol):
    """An event in the log, and where."""

    @property
    def position(self) -> int: ...

    @property
    def event(self) -> RoomEvent: ...


class Rooms(Protocol):
    """Where rooms are kept. Every method answers after the events are committed, with the last one recorded.

    A repeated idempotency key records nothing and answers what the first command with it recorded.
    """

    async def add(self, room: Room, /, *, unique: "UniqueName", key: IdempotencyKey | None) -> RecordedEvent:
        """Keep a new room, unless another holds its unique value: then raise `unique.refusal`."""

    async def change(
        self, room_id: RoomId, command: Callable[[Room], None], /, *, key: IdempotencyKey | None
    ) -> RecordedEvent:
        """Apply `command` to the room as it is in the log at that moment. What it raises is raised here."""

    async def claim(
        self, room_id: RoomId, name: str, command: Callable[[Room, bool], None], /, *, key: IdempotencyKey | None
    ) -> RecordedEvent:
        """As `change`, for a command that gives the room the unique value `name`.

        The command is told whether another room holds it at that moment, and raises then.
        """


@dataclass(frozen=True, slots=True)
class UniqueName:
    """A room's name as compared, and what to raise when another room has it."""

    value: str
    refusal: Exception


class Chat:
    """What people do in rooms. Every method returns the event that was recorded, after commit.

    Raises what `domain.errors` lists when the rules refuse; the store raises its own errors when it cannot record.
    """

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def open_room(self, command: OpenRoom) -> RecordedEvent:
        """Open a room; its opener is its first member. Raises NameTaken, InvalidField."""
        room = Room.open(name=command.name, user_id=command.user_id)
        unique = UniqueName(name_key(room.name), NameTaken(NAME_TAKEN))
        return await self._rooms.add(room, unique=unique, key=idempotency_key(command))

    async def post_message(self, command: PostMessage) -> RecordedEvent:
        """Say something. Raises RoomNotFound, NotAMember, InvalidField."""

        def post(room: Room) -> None:
            room.post(user_id=command.user_id, content=command.content, client_id=command.client_id)

        return await self._rooms.change(command.room_id, post, key=idempotency_key(command))

    async def join_room(self, command: JoinRoom) -> RecordedEvent:
        """Become a member. Raises RoomNotFound, AlreadyAMember."""

        def join(room: Room) -> None:
            room.join(user_id=command.user_id)

        return await self._rooms.change(command.room_id, join, key=idempotency_key(command))

    async def join_all(self, room_id: RoomId, user_ids: Sequence[UserId]) -> RecordedEvent:
        """Make all of these users members, or none. Raises RoomNotFound, AlreadyAMember."""

        def join(room: Room) -> None:
            if already := room.members.intersection(user_ids):
                raise AlreadyAMember(f"{len(already)} of them are members already")
            for user_id in user_ids:
                room.join(user_id=user_id)

        return await self._rooms.change(room_id, join, key=None)

    async def leave_room(self, command: LeaveRoom) -> RecordedEvent:
        """Stop being a member. Raises RoomNotFound, NotAMember."""

        def leave(room: Room) -> None:
            room.leave(user_id=command.user_id)

        return await self._rooms.change(command.room_id, leave, key=idempotency_key(command))

    async def rename_room(self, command: RenameRoom) -> RecordedEvent:
        """Give a room another name. Raises RoomNotFound, NotAMember, NameTaken, InvalidField."""
        check_name(command.name)  # before it is compared with other names: no database takes every text

        def rename(room: Room, is_taken: bool) -> None:
            room.rename(user_id=command.user_id, name=command.name, is_taken=is_taken)

        return await self._rooms.claim(command.room_id, name_key(command.name), rename, key=idempotency_key(command))
