"""What an event says to people: the body that its answer, its publication and its entry in a feed all carry."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import asyncpg
from eventsourcing.utils import get_topic

from domain.room import Room as RoomAggregate
from domain.values import UserId
from eventstore.log import Recorded
from postgres.database import Database
from projections.readmodels.shapes import LastMessage, Member, Message, MessageRoom, Room, StreamEvent, User, timestamp

ROOMS_AT = """
SELECT
    asked.room_id, asked.version, rooms.name, rooms.opened_at,
    CASE WHEN coalesce(joined.version, 0) > coalesce(gone.version, 0)
        THEN joined.members ELSE coalesce(gone.members, 0) END AS member_count,
    last.version AS last_id, last.content AS last_content, last.posted_at AS last_posted_at,
    last.user_id AS last_user_id
FROM unnest($1::uuid[], $2::bigint[]) AS asked (room_id, version)
JOIN rooms USING (room_id)
LEFT JOIN LATERAL (
    SELECT joined_version AS version, members_after_join AS members FROM memberships
    WHERE room_id = asked.room_id AND joined_version <= asked.version ORDER BY joined_version DESC LIMIT 1
) AS joined ON true
LEFT JOIN LATERAL (
    SELECT left_version AS version, members_after_leave AS members FROM memberships
    WHERE room_id = asked.room_id AND left_version <= asked.version ORDER BY left_version DESC LIMIT 1
) AS gone ON true
LEFT JOIN LATERAL (
    SELECT version, content, posted_at, user_id FROM messages
    WHERE room_id = asked.room_id AND version <= asked.version ORDER BY version DESC LIMIT 1
) AS last ON true
"""

USERNAMES = "SELECT user_id, username FROM users WHERE user_id = ANY($1)"

Event = RoomAggregate.Event
RoomVersion = tuple[UUID, int]


def username(name: str | None, user_id: int) -> str:
    """A user's name, or what stands for it where this installation has no such account (an imported log)."""
    return name if name is not None else f"user {user_id}"


def message(event: RoomAggregate.MessageAdded, user: User) -> Message:
    """The body of a `message_added`: all of it is in the event, but for the name."""
    posted_at = timestamp(event.timestamp)
    room = MessageRoom(id=event.originator_id, version=event.originator_version, bumped_at=posted_at)
    return Message(id=room.version, content=event.content, user=user, room=room, created_at=posted_at)


def user_of(event: Event) -> UserId:
    """Who did it."""
    match event:
        case RoomAggregate.RoomOpened():
            return event.opened_by
        case RoomAggregate.UserJoined() | RoomAggregate.UserLeft() | RoomAggregate.MessageAdded():
            return event.user_id
    raise TypeError(f"{type(event).__name__} names no user")


class Bodies:
    """Bodies of events. The same event has the same body for ever, but for the names of users, which may change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def room_at(self, room_id: UUID, version: int) -> Room:
        """The room as it was right after `version`."""
        return (await self.rooms_at([(room_id, version)]))[room_id, version]

    async def member_at(self, room_id: UUID, version: int, user: User) -> Member:
        """The body of the join or leave of `user` at `version`."""
        return Member(room=await self.room_at(room_id, version), user=user)

    async def rooms_at(self, asked: Iterable[RoomVersion]) -> dict[RoomVersion, Room]:
        """Rooms as they were right after given versions."""
        versions = sorted(set(asked))
        if not versions:
            return {}
        rows = await self._database.fetch(
            ROOMS_AT, [room for room, _ in versions], [version for _, version in versions]
        )
        users = await self.users({row["last_user_id"] for row in rows if row["last_user_id"] is not None})
        return {(row["room_id"], row["version"]): room_at(row, users) for row in rows}

    async def users(self, user_ids: Iterable[UserId]) -> dict[UserId, User]:
        """Users by id; each of those asked for is in the answer."""
        asked = set(user_ids)
        names = dict(await self._database.fetch(USERNAMES, list(asked))) if asked else {}
        return {user_id: User(id=user_id, username=username(names.get(user_id), user_id)) for user_id in asked}

    async def of(self, batch: Sequence[Recorded[Event]]) -> list[StreamEvent]:
        """The events of `batch` as people get them, in its order."""
        users = await self.users(user_of(recorded.event) for recorded in batch)
        rooms = await self.rooms_at(
            (recorded.event.originator_id, recorded.event.originator_version)
            for recorded in batch
            if not isinstance(recorded.event, RoomAggregate.MessageAdded)
        )
        return [stream_event(recorded, users, rooms) for recorded in batch]


def stream_event(
    recorded: Recorded[Event], users: Mapping[UserId, User], rooms: Mapping[RoomVersion, Room]
) -> StreamEvent:
    """One event with its body, given the users and rooms that it names."""
    event = recorded.event
    user = users[user_of(event)]
    body: Message | Member
    if isinstance(event, RoomAggregate.MessageAdded):
        body = message(event, user)
    else:
        body = Member(room=rooms[event.originator_id, event.originator_version], user=user)
    return StreamEvent(
        version=event.originator_version,
        position=recorded.position,
        type=get_topic(type(event)),
        body=body,
        occurred_at=timestamp(event.timestamp),
    )


def room_at(row: asyncpg.Record, users: Mapping[UserId, User]) -> Room:
    """A row of ROOMS_AT as the contract shows a room."""
    last = None
    if row["last_id"] is not None:
        last = LastMessage(
            id=row["last_id"],
            content=row["last_content"],
            user=users[row["last_user_id"]],
            created_at=timestamp(row["last_posted_at"]),
        )
    return Room(
        id=row["room_id"],
        name=row["name"],
        version=row["version"],
        bumped_at=last.created_at if last is not None else timestamp(row["opened_at"]),
        member_count=row["member_count"],
        last_message=last,
    )
