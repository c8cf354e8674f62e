"""The use cases: each has a command, and a method of `Chat` that carries it out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from domain.errors import AlreadyAMember, NameTaken
from domain.idempotency import IdempotencyKey, idempotency_key
from domain.names import name_key
from domain.room import NAME_TAKEN, Room, RoomEvent, check_name
from domain.values import ClientId, RequestId, RoomId, UserId


@dataclass(frozen=True, slots=True)
class OpenRoom:
    """Open a room called `name` with the opener as its first member."""

    name: str
    user_id: UserId
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class PostMessage:
    """Post `content` in a room."""

    room_id: RoomId
    user_id: UserId
    content: str
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class JoinRoom:
    """Join a room."""

    room_id: RoomId
    user_id: UserId
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class LeaveRoom:
    """Leave a room."""

    room_id: RoomId
    user_id: UserId
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class RenameRoom:
    """Rename a room."""

    room_id: RoomId
    user_id: UserId
    name: str
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class EraseContent:
    """Erase the words of these versions of a room, as part of `request`."""

    room_id: RoomId
    versions: tuple[int, ...]
    erased_by: UserId
    request: RequestId
    why: str


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


class Chat(Generic[P_co]):
    """The use cases of rooms. Every method returns the recorded event, after commit.

    Raises what `domain.errors` lists when the rules refuse; the store raises its own errors when it cannot record.
    """

    def __init__(self, rooms: Rooms[P_co]) -> None:
        self._rooms = rooms

    async def open_room(self, command: OpenRoom) -> RecordedEvent[P_co]:
        """Open a room; its opener is its first member. Raises NameTaken, InvalidField."""
        room = Room.open(name=command.name, user_id=command.user_id)
        return await self._rooms.add(
            room, unique=unique_name(command.name), taken=NameTaken(NAME_TAKEN), key=idempotency_key(command)
        )

    async def post_message(self, command: PostMessage) -> RecordedEvent[P_co]:
        """Post a message. Raises RoomNotFound, NotAMember, InvalidField."""

        def post(room: Room) -> None:
            room.post(user_id=command.user_id, content=command.content, client_id=command.client_id)

        return await self._rooms.change(command.room_id, post, key=idempotency_key(command))

    async def join_room(self, command: JoinRoom) -> RecordedEvent[P_co]:
        """Join. Raises RoomNotFound, AlreadyAMember."""

        def join(room: Room) -> None:
            room.join(user_id=command.user_id)

        return await self._rooms.change(command.room_id, join, key=idempotency_key(command))

    async def join_all(self, room_id: RoomId, user_ids: Sequence[UserId]) -> RecordedEvent[P_co]:
        """Make all of these users members, or none. Raises RoomNotFound, AlreadyAMember."""

        def join(room: Room) -> None:
            if already := room.members.intersection(user_ids):
                raise AlreadyAMember(f"{len(already)} of them are members already")
            for user_id in user_ids:
                room.join(user_id=user_id)

        return await self._rooms.change(room_id, join, key=None)

    async def leave_room(self, command: LeaveRoom) -> RecordedEvent[P_co]:
        """Leave. Raises RoomNotFound, NotAMember."""

        def leave(room: Room) -> None:
            room.leave(user_id=command.user_id)

        return await self._rooms.change(command.room_id, leave, key=idempotency_key(command))

    async def rename_room(self, command: RenameRoom) -> RecordedEvent[P_co]:
        """Rename a room. Raises RoomNotFound, NotAMember, NameTaken, InvalidField."""
        check_name(command.name)  # first, since a database cannot compare every text

        def rename(room: Room, is_taken: bool, present: str | None) -> None:
            room.rename(user_id=command.user_id, name=command.name, is_taken=is_taken, present=present)

        return await self._rooms.claim(command.room_id, unique_name(command.name), rename, key=idempotency_key(command))

    async def erase_content(self, command: EraseContent) -> RecordedEvent[P_co]:
        """Erase words; they are gone when this answers. Raises RoomNotFound, NothingToErase, InvalidField."""

        def erase(room: Room) -> None:
            room.erase(versions=command.versions, erased_by=command.erased_by, request=command.request, why=command.why)

        return await self._rooms.change(command.room_id, erase, key=None)
