"""Rooms in the past, from their events alone, without read models; these only help to find the room of a name."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.errors import ChatError, RoomNotFound
from domain.names import name_key
from domain.room import Room, RoomEvent
from domain.room.state import RoomRole
from domain.values import RoomId, UserId
from eventstore.log import Log, Recorded, cannot_have_happened
from eventstore.values import STREAM_START, Version
from postgres.database import Database
from replay.investigate.directory import room_named
from replay.investigate.log_search import Filter, LogSearch
from replay.investigate.past_messages import PastMessage, PastMessages

PAGE = 1000
COMING_AND_GOING = (Room.UserJoined.TOPIC, Room.UserLeft.TOPIC)

Moment = Version | datetime
"""A version (that event included) or a time (events up to it included)."""


class NoSuchMoment(ChatError):
    """A version that the room has not reached, or two moments in the wrong order."""


@dataclass(frozen=True, slots=True)
class PastRoom:
    """A room right after `version`, at the time `at`: its members, those of them with a role, and messages.

    `topic` is empty where it has none, and where the words were erased.
    """

    room_id: RoomId
    name: str
    version: Version
    at: datetime
    members: frozenset[UserId]
    roles: Mapping[UserId, RoomRole]
    topic: str
    is_archived: bool
    messages: Sequence[PastMessage]


@dataclass(frozen=True, slots=True)
class RoomDifference:
    """The net changes between two moments of a room."""

    earlier: PastRoom
    later: PastRoom
    joined: frozenset[UserId]
    left: frozenset[UserId]
    said: Sequence[PastMessage]
    edited: Sequence[PastMessage]
    retracted: Sequence[PastMessage]
    """Of those that were said before: what was done about them, on balance."""


@dataclass(frozen=True, slots=True)
class Visibility:
    """Who could see what a message said from a version on: the members at the time, and those who joined later and have
    it in their history.
    """

    message: PastMessage
    members_then: frozenset[UserId]
    joined_later: frozenset[UserId]


class TimeTravel:
    """Rooms at any moment. Methods raise RoomNotFound when the room did not exist yet, and NoSuchMoment."""

    def __init__(self, database: Database, log: Log, log_search: LogSearch) -> None:
        self._database = database
        self._log = log
        self._log_search = log_search

    async def room_id(self, room: str) -> RoomId:
        """The id of a room given by id or name; the oldest if another application opened several with that name.

        The read models know who has a name. Where they do not have it, the log is read from its beginning.
        """
        try:
            return RoomId(UUID(room))
        except ValueError:
            pass
        if (known := await room_named(self._database, room)) is not None:
            return known
        names: dict[UUID, str] = {}
        async for found in self._log_search.find(Filter(types=(Room.RoomOpened.TOPIC, Room.RoomRenamed.TOPIC))):
            assert isinstance(found.event, Room.RoomOpened | Room.RoomRenamed)
            names[found.event.originator_id] = name_key(found.event.text or "")
        for room_id, name in names.items():
            if name == name_key(room):
                return RoomId(room_id)
        raise RoomNotFound(f"there is no room {room}")

    async def room_at(self, room_id: RoomId, moment: Moment | None = None) -> PastRoom:
        """The room at a moment, or now."""
        room: Room | None = None
        name = topic = ""
        messages = PastMessages()
        async for recorded in self._stream(room_id):
            if is_beyond(recorded.event, moment):
                break
            room = applied(recorded, room)
            messages.apply(recorded.event)
            if isinstance(recorded.event, Room.RoomOpened | Room.RoomRenamed):
                name = recorded.event.text or ""
            elif isinstance(recorded.event, Room.TopicSet):
                topic = recorded.event.text or ""
        if room is None:
            raise RoomNotFound(f"there was no room {room_id} then")
        if isinstance(moment, int) and room.version < moment:
            raise NoSuchMoment(f"there is no version {moment} of {room_id} yet; the newest is {room.version}")
        return PastRoom(
            room_id=room_id,
            name=name,
            version=Version(room.version),
            at=room.modified_on,
            members=frozenset(room.members),
            roles=room.named_roles(),
            topic=topic,
            is_archived=room.is_archived,
            messages=messages.all,
        )

    async def difference(self, room_id: RoomId, earlier: Moment, later: Moment) -> RoomDifference:
        """The net changes between two moments of a room."""
        one, two = await self.room_at(room_id, earlier), await self.room_at(room_id, later)
        if two.version < one.version:
            raise NoSuchMoment(f"version {two.version} is not after version {one.version}")
        before = {message.version: message for message in one.messages}
        known = [(before[message.version], message) for message in two.messages if message.version in before]
        return RoomDifference(
            one,
            two,
            two.members - one.members,
            one.members - two.members,
            said=[message for message in two.messages if message.version not in before],
            edited=[new for old, new in known if new.edited_at != old.edited_at],
            retracted=[new for old, new in known if new.retraction is not None and old.retraction is None],
        )

    async def visibility(self, room_id: RoomId, version: Version) -> Visibility | None:
        """Who could see what `version` added or edited a message to; None when that event did neither."""
        then = await self.room_at(room_id, version)
        message = next((each for each in then.messages if each.said.originator_version == version), None)
        if message is None:
            return None
        said = message.version
        then_readers, later = set[UserId](), set[UserId]()
        async for recorded in self._stream(room_id, topics=COMING_AND_GOING):
            event = recorded.event
            if isinstance(event, Room.UserLeft) and event.originator_version < said:
                then_readers.discard(event.user_id)
            elif isinstance(event, Room.UserJoined) and event.reads_from <= said:
                (then_readers if event.originator_version <= version else later).add(event.user_id)
        members_then = then.members & then_readers
        return Visibility(message, members_then, frozenset(later) - members_then)

    async def _stream(
        self, room_id: RoomId, *, topics: Sequence[str] | None = None
    ) -> AsyncIterator[Recorded[RoomEvent]]:
        """The events of a room, of these topics or of all, ascending."""
        after = STREAM_START
        async with self._database.connection() as connection:
            while page := await self._log.stream_with_words(
                room_id, after=after, limit=PAGE, topics=topics, connection=connection
            ):
                for recorded in page:
                    if not isinstance(recorded.event, Room.Event):
                        raise RoomNotFound(f"{room_id} is not a room")
                    yield recorded
                after = page[-1].version


def applied(recorded: Recorded[RoomEvent], room: Room | None) -> Room | None:
    """The room after an event of its stream. Raises UnreadableEvent when the event cannot apply to the room."""
    try:
        return recorded.event.mutate(room)
    except Exception as error:  # another application's stream may hold anything
        raise cannot_have_happened(recorded, error) from error


def is_beyond(event: RoomEvent, moment: Moment | None) -> bool:
    """Whether the event happened after the moment."""
    match moment:
        case datetime():
            return event.timestamp > moment
        case int():
            return event.originator_version > moment
    return False
