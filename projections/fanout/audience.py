"""Who gets an event: the members right after it, and who left by it. Of those, the ones who may be listening.

A lane answers that from memory, event after event, with channels encoded; a republication asks the read models.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Set
from typing import assert_never

import asyncpg

from centrifugo.publisher import PER_CALL, Channels
from domain.room import Room, RoomEvent
from domain.values import RoomId, UserId
from eventstore.values import Version
from postgres.database import Database
from projections.fanout.channels import personal_channel
from projections.fanout.leases import AllWarm, Turn, Warmth
from projections.readmodels.members import is_member_at

KEPT_MEMBERS = 2_000_000
"""Members that a lane keeps in memory over all rooms: some 200 MB. The rooms that were quiet longest go first."""

MEMBERS_AT = f"""
SELECT DISTINCT user_id FROM memberships WHERE room_id = $1 AND {is_member_at("$2")} AND user_id % $3 = $4
"""

# Of those who got the event at version $2 the ones whom it still concerns: members ever since, and the leaver who has
# not come back.
STILL_CONCERNED = """
SELECT DISTINCT user_id FROM memberships AS stay
WHERE room_id = $1 AND joined_version <= $2 AND ($3::bigint IS NULL OR user_id = $3)
    AND (left_version IS NULL OR (left_version = $2 AND NOT EXISTS (
        SELECT FROM memberships AS later
        WHERE later.room_id = stay.room_id AND later.user_id = stay.user_id AND later.left_version IS NULL)))
    AND ($4 OR EXISTS (SELECT FROM leases WHERE leases.user_id = stay.user_id AND NOT is_paused))
ORDER BY user_id
"""


async def still_concerned(
    event: RoomEvent, database: Database, *, user_id: UserId | None = None, all_warm: bool
) -> list[UserId]:
    """Who may hear an event again, in ascending order; `user_id` asks for one of them only."""
    place = event.originator_id, event.originator_version
    return [row[0] for row in await database.fetch(STILL_CONCERNED, *place, user_id, all_warm)]


class Part:
    """Up to a thousand users and their channels. It never changes, so a publication under way may hold on to it."""

    __slots__ = ("channels", "users")

    def __init__(self, users: frozenset[UserId]) -> None:
        self.users = users
        self.channels = Channels([personal_channel(user_id) for user_id in sorted(users)])


class Listeners:
    """A changing set of users in parts; a change makes one part anew, however many there are."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._place: dict[UserId, int] = {}

    def __contains__(self, user_id: UserId) -> bool:
        return user_id in self._place

    def __len__(self) -> int:
        return len(self._place)

    @property
    def parts(self) -> list[Part]:
        """Those that hold somebody."""
        return [part for part in self._parts if part.users]

    def add(self, user_ids: Iterable[UserId]) -> None:
        """Fill the parts that have room, then new ones."""
        new = [user_id for user_id in user_ids if user_id not in self._place]
        for place, part in enumerate(self._parts):
            if not new:
                return
            if (space := PER_CALL - len(part.users)) > 0:
                self._replace(place, part.users.union(new[:space]))
                del new[:space]
        for start in range(0, len(new), PER_CALL):
            self._parts.append(Part(frozenset()))
            self._replace(len(self._parts) - 1, frozenset(new[start : start + PER_CALL]))

    def discard(self, user_ids: Iterable[UserId]) -> None:
        """Take users out."""
        gone: dict[int, set[UserId]] = {}
        for user_id in user_ids:
            if (place := self._place.pop(user_id, None)) is not None:
                gone.setdefault(place, set()).add(user_id)
        for place, users in gone.items():
            self._parts[place] = Part(self._parts[place].users - users)

    def _replace(self, place: int, users: frozenset[UserId]) -> None:
        for user_id in users:
            self._place[user_id] = place
        self._parts[place] = Part(users)


class Audience:
    """The members of one room, of one lane's users, at `version`."""

    def __init__(
        self, members: set[UserId], version: Version, warmth: Warmth | AllWarm, *, owns: Callable[[UserId], bool]
    ) -> None:
        self.members = members
        self.version = version
        self._warmth = warmth
        self._owns = owns
        self._leaver: int | None = None
        self.listeners = Listeners()
        self.listeners.add(user_id for user_id in members if warmth.is_warm(user_id))

    def advance(self, event: RoomEvent) -> list[Part]:
        """Move on to `event`, the next of the room, and answer who gets it."""
        self.version = Version(event.originator_version)
        self._leaver = None
        match event:
            case Room.MessageAdded() | Room.RoomOpened() | Room.RoomRenamed():
                return self.listeners.parts
            case Room.UserJoined():
                self._join(event.user_id)
                return self.listeners.parts
            case Room.UserLeft():
                parts = self.listeners.parts
                self._leave(event.user_id)
                return parts
            case _:
                assert_never(event)

    def concerned(self, user_ids: Set[UserId]) -> set[UserId]:
        """Those of `user_ids` who get the event that it advanced to last, if they are listening."""
        return {user_id for user_id in user_ids if user_id in self.members or user_id == self._leaver}

    def _join(self, user_id: UserId) -> None:
        if self._owns(user_id):
            self.members.add(user_id)
            if self._warmth.is_warm(user_id):
                self.listeners.add([user_id])

    def _leave(self, user_id: UserId) -> None:
        self._leaver = user_id
        self.members.discard(user_id)
        self.listeners.discard([user_id])

    def turn(self, turn: Turn) -> None:
        """Take up who became warm or ceased to be."""
        self.listeners.add(user_id for user_id in turn.warmed if user_id in self.members)
        self.listeners.discard(turn.cooled)


class Audiences:
    """The audiences of a lane's busy rooms. Loaded once from the read models, then folded from the lane's events."""

    def __init__(self, warmth: Warmth | AllWarm, *, lane: int, lanes: int, capacity: int = KEPT_MEMBERS) -> None:
        self._warmth = warmth
        self._lane = lane
        self._lanes = lanes
        self._capacity = capacity
        self._rooms: OrderedDict[RoomId, Audience] = OrderedDict()
        self._members = 0

    def owns(self, user_id: UserId) -> bool:
        """Whether the user's channel is published by this lane."""
        return user_id % self._lanes == self._lane

    async def before(self, event: RoomEvent, connection: asyncpg.Connection) -> Audience:
        """The audience right before `event`."""
        room_id = RoomId(event.originator_id)
        audience = self._rooms.get(room_id)
        if audience is None or audience.version != event.originator_version - 1:
            audience = await self._load(event, connection)
        self._rooms.move_to_end(room_id)
        return audience

    def turn(self, turn: Turn) -> None:
        """Take up who became warm or ceased to be, in every room."""
        if turn.warmed or turn.cooled:
            for audience in self._rooms.values():
                audience.turn(turn)

    async def _load(self, event: RoomEvent, connection: asyncpg.Connection) -> Audience:
        room_id, version = RoomId(event.originator_id), Version(event.originator_version - 1)
        rows = await connection.fetch(MEMBERS_AT, room_id, version, self._lanes, self._lane)
        members = {row[0] for row in rows}
        if len(members) > PER_CALL:  # a crowd takes a while to encode: not on the event loop
            audience = await asyncio.to_thread(Audience, members, version, self._warmth, owns=self.owns)
        else:
            audience = Audience(members, version, self._warmth, owns=self.owns)
        self._forget(room_id)
        self._rooms[room_id] = audience
        self._members += len(audience.members)
        for quiet in list(self._quiet(room_id)):
            self._forget(quiet)
        return audience

    def _quiet(self, busy: RoomId) -> Iterator[RoomId]:
        """The rooms to forget so that what is kept fits, the one in use excepted."""
        members = self._members
        for room_id, audience in self._rooms.items():
            if members <= self._capacity:
                return
            if room_id != busy:
                members -= len(audience.members)
                yield room_id

    def _forget(self, room_id: RoomId) -> None:
        if (audience := self._rooms.pop(room_id, None)) is not None:
            self._members -= len(audience.members)
