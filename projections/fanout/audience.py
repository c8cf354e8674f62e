"""Who gets an event: the members right after it and the leaver, as far as they are warm.

A lane keeps audiences in memory, with their channels encoded; a republication queries the read models.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import assert_never

import asyncpg

from centrifugo.publisher import PER_CALL, Channels
from domain.room import Room, RoomEvent
from domain.room.discussion.message import MessageEvent
from domain.values import RoomId, UserId
from eventstore.values import Version
from postgres.database import Database
from projections.fanout.channels import personal_channel
from projections.fanout.leases import AllWarm, LeaseChanges, WarmUsers
from projections.readmodels.admission.readable import may_read
from projections.readmodels.governance.roles import is_member_at

MEMBERS_IN_MEMORY = 2_000_000
"""How many members a lane keeps in memory, over all rooms: some 200 MB. It evicts the least recently active rooms."""

MEMBERS_AT = f"""
SELECT DISTINCT user_id FROM memberships WHERE room_id = $1 AND {is_member_at("$2")} AND user_id % $3 = $4
"""

EVER_MEMBERS = """
SELECT DISTINCT user_id FROM memberships WHERE room_id = $1 AND joined_version <= $2 AND user_id % $3 = $4
"""

# Members right after version $2 who may not read what was said at version $3.
BLIND = f"""
SELECT DISTINCT user_id FROM memberships
WHERE room_id = $1 AND reads_from > $3 AND {is_member_at("$2")} AND user_id % $4 = $5
    AND NOT {may_read("memberships.room_id", "memberships.user_id", "$3")}
"""

# Of those who got the event at version $2: members who have stayed since, and the leaver unless they came back.
REPUBLISH_AUDIENCE = """
SELECT DISTINCT user_id FROM memberships AS stay
WHERE room_id = $1 AND joined_version <= $2 AND ($3::bigint IS NULL OR user_id = $3)
    AND (left_version IS NULL OR (left_version = $2 AND NOT EXISTS (
        SELECT FROM memberships AS later
        WHERE later.room_id = stay.room_id AND later.user_id = stay.user_id AND later.left_version IS NULL)))
    AND ($4 OR EXISTS (SELECT FROM leases WHERE leases.user_id = stay.user_id AND NOT is_paused))
ORDER BY user_id
"""


NO_ONE: frozenset[UserId] = frozenset()


async def republish_audience(
    event: RoomEvent, database: Database, *, user_id: UserId | None = None, all_warm: bool
) -> list[UserId]:
    """The users who get an event again, in ascending order; `user_id` narrows the answer to that user."""
    place = event.originator_id, event.originator_version
    return [row[0] for row in await database.fetch(REPUBLISH_AUDIENCE, *place, user_id, all_warm)]


async def blind_to(event: RoomEvent, database: Database) -> frozenset[UserId]:
    """All members who may not read the message that `event` changed."""
    if not isinstance(event, MessageEvent):
        return NO_ONE
    place = event.originator_id, event.originator_version
    return frozenset(row[0] for row in await database.fetch(BLIND, *place, event.message, 1, 0))


class UserChunk:
    """Up to a thousand users and their channels. Immutable, so a publication in flight can keep a reference to it."""

    __slots__ = ("channels", "users")

    def __init__(self, users: frozenset[UserId]) -> None:
        self.users = users
        self.channels = Channels([personal_channel(user_id) for user_id in sorted(users)])


def split(chunks: Sequence[UserChunk], apart: Set[UserId]) -> tuple[list[UserChunk], list[UserChunk]]:
    """The users in two parts: without those who are to be `apart`, and these."""
    others = [chunk if chunk.users.isdisjoint(apart) else UserChunk(chunk.users - apart) for chunk in chunks]
    found = [UserChunk(chunk.users & apart) for chunk in chunks]
    return [chunk for chunk in others if chunk.users], [chunk for chunk in found if chunk.users]


class WarmMembers:
    """The warm members of a room, in chunks: a change replaces one chunk, not the whole set."""

    def __init__(self) -> None:
        self._chunks: list[UserChunk] = []
        self._place: dict[UserId, int] = {}

    def __contains__(self, user_id: UserId) -> bool:
        return user_id in self._place

    def __len__(self) -> int:
        return len(self._place)

    @property
    def chunks(self) -> list[UserChunk]:
        """The chunks that are not empty."""
        return [chunk for chunk in self._chunks if chunk.users]

    def add(self, user_ids: Iterable[UserId]) -> None:
        """Add users to the chunks with free space, then to new ones."""
        new = [user_id for user_id in user_ids if user_id not in self._place]
        for place, chunk in enumerate(self._chunks):
            if not new:
                return
            if (space := PER_CALL - len(chunk.users)) > 0:
                self._replace(place, chunk.users.union(new[:space]))
                del new[:space]
        for start in range(0, len(new), PER_CALL):
            self._chunks.append(UserChunk(frozenset()))
            self._replace(len(self._chunks) - 1, frozenset(new[start : start + PER_CALL]))

    def discard(self, user_ids: Iterable[UserId]) -> None:
        """Remove users; those who are absent are ignored."""
        removed: dict[int, set[UserId]] = {}
        for user_id in user_ids:
            if (place := self._place.pop(user_id, None)) is not None:
                removed.setdefault(place, set()).add(user_id)
        for place, users in removed.items():
            self._chunks[place] = UserChunk(self._chunks[place].users - users)

    def _replace(self, place: int, users: frozenset[UserId]) -> None:
        for user_id in users:
            self._place[user_id] = place
        self._chunks[place] = UserChunk(users)


class Audience:
    """The members of one room at `version`, among the users of one lane."""

    def __init__(
        self, members: set[UserId], version: Version, warm_users: WarmUsers | AllWarm, *, owns: Callable[[UserId], bool]
    ) -> None:
        self.members = members
        self.version = version
        self._warm_users = warm_users
        self._owns = owns
        self._leaver: UserId | None = None
        self.warm_members = WarmMembers()
        self.warm_members.add(user_id for user_id in members if warm_users.is_warm(user_id))

    def advance(self, event: RoomEvent) -> list[UserChunk]:
        """Apply `event`, the room's next, and return the users who get it."""
        self.version = Version(event.originator_version)
        self._leaver = None
        match event:
            case (
                Room.MessageAdded()
                | Room.RoomOpened()
                | Room.RoomRenamed()
                | Room.ContentErased()
                | Room.UserErased()
                | Room.RoleGiven()
                | Room.UserBanned()
                | Room.BanLifted()
                | Room.UserMuted()
                | Room.MuteLifted()
                | Room.TopicSet()
                | Room.RoomArchived()
                | Room.RoomReopened()
            ):
                return self.warm_members.chunks
            case Room.VisibilityChanged() | Room.HistoryChanged():
                return self.warm_members.chunks
            case Room.UserInvited() | Room.InvitationWithdrawn() | Room.InvitationDeclined():
                return self.warm_members.chunks
            case Room.InvitationLinkMade() | Room.InvitationLinkRevoked():
                return self.warm_members.chunks
            case Room.MessageEdited() | Room.MessageRetracted() | Room.ReactionAdded() | Room.ReactionRemoved():
                return self.warm_members.chunks
            case Room.MessagePinned() | Room.MessageUnpinned():
                return self.warm_members.chunks
            case Room.UserJoined():
                self._join(event.user_id)
                return self.warm_members.chunks
            case Room.UserLeft():
                chunks = self.warm_members.chunks
                self._leave(event.user_id)
                return chunks
            case _:
                assert_never(event)

    def advance_crowd(self, events: Sequence[Room.UserJoined | Room.UserLeft]) -> list[UserChunk]:
        """Apply many joins and leaves, the room's next, and return the users who are members after the last one."""
        self.version = Version(events[-1].originator_version)
        self._leaver = None
        is_member = {event.user_id: isinstance(event, Room.UserJoined) for event in events}
        moved = {user_id for user_id in is_member if self._owns(user_id)}
        joined = {user_id for user_id in moved if is_member[user_id]}
        self.members |= joined
        self.members -= moved - joined
        self.warm_members.discard(moved - joined)
        self.warm_members.add(user_id for user_id in joined if self._warm_users.is_warm(user_id))
        return self.warm_members.chunks

    def recipients_among(self, user_ids: Set[UserId]) -> set[UserId]:
        """Those of `user_ids` who are recipients of the last event that `advance` applied."""
        return {user_id for user_id in user_ids if user_id in self.members or user_id == self._leaver}

    def _join(self, user_id: UserId) -> None:
        if self._owns(user_id):
            self.members.add(user_id)
            if self._warm_users.is_warm(user_id):
                self.warm_members.add([user_id])

    def _leave(self, user_id: UserId) -> None:
        self._leaver = user_id
        self.members.discard(user_id)
        self.warm_members.discard([user_id])

    def apply(self, changes: LeaseChanges) -> None:
        """Add members who became warm, remove those who turned cold."""
        self.warm_members.add(user_id for user_id in changes.warmed if user_id in self.members)
        self.warm_members.discard(changes.cooled)


class Audiences:
    """The audiences of a lane's busy rooms. Loaded once from the read models, then folded from the lane's events."""

    def __init__(
        self, warm_users: WarmUsers | AllWarm, *, lane: int, lanes: int, capacity: int = MEMBERS_IN_MEMORY
    ) -> None:
        self._warm_users = warm_users
        self._lane = lane
        self._lanes = lanes
        self._capacity = capacity
        self._rooms: OrderedDict[RoomId, Audience] = OrderedDict()
        self._members = 0

    def owns(self, user_id: UserId) -> bool:
        """Whether this lane publishes to the user's channel."""
        return user_id % self._lanes == self._lane

    def has_listeners(self, room_id: RoomId) -> bool:
        """Whether a room that is in memory has warm members, as far as is known without a query."""
        audience = self._rooms.get(room_id)
        return audience is not None and len(audience.warm_members) > 0

    def at_hand(self, event: RoomEvent) -> Audience | None:
        """The audience right before `event`, if it is in memory."""
        audience = self._rooms.get(RoomId(event.originator_id))
        return audience if audience is not None and audience.version == event.originator_version - 1 else None

    async def before(self, event: RoomEvent, connection: asyncpg.Connection) -> Audience:
        """The audience right before `event`."""
        room_id = RoomId(event.originator_id)
        audience = self.at_hand(event) or await self._load(event, connection)
        self._rooms.move_to_end(room_id)
        return audience

    async def blind_to(self, event: RoomEvent, connection: asyncpg.Connection) -> frozenset[UserId]:
        """The members who may not read the message that `event` changed, as they joined later."""
        if not isinstance(event, MessageEvent):
            return NO_ONE
        place = event.originator_id, event.originator_version
        rows = await connection.fetch(BLIND, *place, event.message, self._lanes, self._lane)
        return frozenset(row[0] for row in rows)

    async def ever(self, event: RoomEvent, connection: asyncpg.Connection) -> list[frozenset[UserId]]:
        """All who were members at any time up to `event`, in parts of one call each: whoever may have heard of it."""
        place = event.originator_id, event.originator_version
        users = [row[0] for row in await connection.fetch(EVER_MEMBERS, *place, self._lanes, self._lane)]
        return [frozenset(users[start : start + PER_CALL]) for start in range(0, len(users), PER_CALL)]

    def apply(self, changes: LeaseChanges) -> None:
        """Apply the changes to the audience of every room."""
        if changes.warmed or changes.cooled:
            for audience in self._rooms.values():
                audience.apply(changes)

    async def _load(self, event: RoomEvent, connection: asyncpg.Connection) -> Audience:
        room_id, version = RoomId(event.originator_id), Version(event.originator_version - 1)
        rows = await connection.fetch(MEMBERS_AT, room_id, version, self._lanes, self._lane)
        members = {row[0] for row in rows}
        if len(members) > PER_CALL:  # encoding that many channels would block the event loop
            audience = await asyncio.to_thread(Audience, members, version, self._warm_users, owns=self.owns)
        else:
            audience = Audience(members, version, self._warm_users, owns=self.owns)
        self._evict(room_id)
        self._rooms[room_id] = audience
        self._members += len(audience.members)
        for quiet in list(self._to_evict(room_id)):
            self._evict(quiet)
        return audience

    def _to_evict(self, busy: RoomId) -> Iterator[RoomId]:
        """The rooms to evict to get below the capacity, never the one in use."""
        members = self._members
        for room_id, audience in self._rooms.items():
            if members <= self._capacity:
                return
            if room_id != busy:
                members -= len(audience.members)
                yield room_id

    def _evict(self, room_id: RoomId) -> None:
        if (audience := self._rooms.pop(room_id, None)) is not None:
            self._members -= len(audience.members)
