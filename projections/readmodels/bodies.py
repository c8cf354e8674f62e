"""Bodies of events: the same in the response to a command, in publications and in the feed.

The shapes in a body are built only here, for events and for queries of the read models.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import assert_never

import asyncpg
from msgspec import UNSET, UnsetType

from domain import words
from domain.room import Room, RoomEvent
from domain.values import OPERATOR, RoomId, UserId
from eventstore.log import Recorded
from eventstore.values import Version
from eventstore.words import join
from postgres.database import Database
from projections.readmodels.shapes import (
    MOST_NAMED,
    Body,
    ErasedContent,
    Erasure,
    LastMessage,
    Member,
    MemberChange,
    MembersChanged,
    Message,
    MessageRoom,
    RoomSummary,
    StreamEvent,
    User,
    UserKind,
    timestamp,
)
from projections.readmodels.words import erased_of, erasure, erasure_columns, shown, words_of

LAST_COLUMNS = f"""
    last.version AS last_id, {shown("said", "last.content")} AS last_content, last.posted_at AS last_posted_at,
    last.user_id AS last_user_id, users.username AS last_username,
    users.kind AS last_kind, {erasure_columns("last_")}
"""
OF_LAST = f"""
{join("last.room_id", "last.version", "said")}
{erasure("last.room_id", "last.version")}
LEFT JOIN users ON users.user_id = last.user_id
"""
"""Joins the words of the last message, their erasure, and its author."""


def newest_about_room(aspect: str) -> str:
    """SQL: joins the newest decision about this aspect of a room of `asked`, up to its version."""
    return f"""
LEFT JOIN LATERAL (
    SELECT version, is_set, words FROM governance
    WHERE rooms.decision_count > 0 AND room_id = asked.room_id AND aspect = '{aspect}' AND member_id = 0
        AND version <= asked.version
    ORDER BY version DESC LIMIT 1
) AS {aspect} ON true"""


ROOMS_AT = f"""
SELECT
    asked.room_id, asked.version,
    coalesce(named.content, CASE WHEN former.name_version IS NULL THEN rooms.name ELSE former.name END, '') AS name,
    coalesce(titled.content, topic.words, '') AS topic, topic.is_set AS has_topic, archive.is_set AS is_archived,
    CASE WHEN coalesce(joined.version, 0) > coalesce(departed.version, 0)
        THEN joined.members ELSE coalesce(departed.members, 0) END AS member_count,
    coalesce(last.posted_at, rooms.opened_at) AS bumped_at,
    {LAST_COLUMNS}
FROM unnest($1::uuid[], $2::bigint[]) AS asked (room_id, version)
JOIN rooms USING (room_id)
LEFT JOIN LATERAL (
    SELECT joined_version AS version, members_after_join AS members FROM memberships
    WHERE room_id = asked.room_id AND joined_version <= asked.version ORDER BY joined_version DESC LIMIT 1
) AS joined ON true
LEFT JOIN LATERAL (
    SELECT left_version AS version, members_after_leave AS members FROM memberships
    WHERE room_id = asked.room_id AND left_version <= asked.version ORDER BY left_version DESC LIMIT 1
) AS departed ON true
LEFT JOIN LATERAL (
    SELECT room_id, version, content, posted_at, user_id FROM messages
    WHERE room_id = asked.room_id AND version <= asked.version ORDER BY version DESC LIMIT 1
) AS last ON true
LEFT JOIN LATERAL (
    SELECT name, name_version FROM former_names
    WHERE room_id = asked.room_id AND until_version > asked.version ORDER BY until_version LIMIT 1
) AS former ON true
{newest_about_room("topic")}
{newest_about_room("archive")}
{join("asked.room_id", "coalesce(former.name_version, rooms.name_version)", "named")}
{join("asked.room_id", "topic.version", "titled")}
{OF_LAST}
"""

ERASURES = f"""
SELECT asked.room_id, asked.version, {erasure_columns()}
FROM unnest($1::uuid[], $2::bigint[]) AS asked (room_id, version)
{erasure("asked.room_id", "asked.version")}
"""

USERS = "SELECT user_id, username, kind FROM users WHERE user_id = ANY($1)"

RoomVersion = tuple[RoomId, Version]


def user(user_id: UserId, username: str | None, kind: UserKind | None = None) -> User:
    """A user; `user <id>` replaces the name when the account does not exist here, as after an import."""
    if user_id == OPERATOR:
        return User(OPERATOR, "operator")
    return User(user_id, username if username is not None else f"user {user_id}", kind if kind is not None else UNSET)


def message(
    room_id: RoomId, version: Version, *, author: User, said: tuple[str, ErasedContent | UnsetType], posted_at: datetime
) -> Message:
    """A message that was posted, and what is shown of its words."""
    said_at = timestamp(posted_at)
    content, erased = said
    return Message(version, content, author, MessageRoom(room_id, version, said_at), said_at, erased)


def room_summary(row: asyncpg.Record) -> RoomSummary:
    """A room from a row with its columns and LAST_COLUMNS."""
    last = None
    if row["last_id"] is not None:
        author = user(row["last_user_id"], row["last_username"], row["last_kind"])
        content, erased = words_of(row, "last_")
        last = LastMessage(row["last_id"], content, author, timestamp(row["last_posted_at"]), erased)
    return RoomSummary(
        row["room_id"],
        row["name"],
        row["version"],
        timestamp(row["bumped_at"]),
        row["member_count"],
        last,
        row["topic"] if row["has_topic"] else UNSET,
        True if row["is_archived"] else UNSET,
    )


def body(
    event: RoomEvent,
    users: Mapping[UserId, User],
    rooms: Mapping[RoomVersion, RoomSummary],
    erasures: Mapping[RoomVersion, ErasedContent],
) -> Body:
    """The body of an event. `users` has those whom it names; `rooms` has the room right after the event if the body
    shows it, `erasures` when and why its words were erased, if they were.
    """
    place, actor = room_version(event), users[event.actor]
    match event:
        case Room.MessageAdded():
            said = (event.words.text, erasures.get(place, UNSET))
            return message(*place, author=actor, said=said, posted_at=event.timestamp)
        case (
            Room.RoomOpened()
            | Room.UserJoined()
            | Room.RoomRenamed()
            | Room.TopicSet()
            | Room.RoomArchived()
            | Room.RoomReopened()
        ):
            return Member(rooms[place], actor)
        case Room.UserLeft() if (why := event.words) is not None:
            return Member(rooms[place], users[event.user_id], actor, why.text, erasures.get(place, UNSET))
        case Room.UserLeft():
            return Member(rooms[place], actor)
        case Room.RoleGiven() | Room.UserBanned() | Room.BanLifted() | Room.UserMuted() | Room.MuteLifted():
            return MemberChange(
                rooms[place],
                actor,
                users[event.member_id],
                event.words.text,
                role=event.role if isinstance(event, Room.RoleGiven) else UNSET,
                until=timestamp(event.until) if isinstance(event, Room.UserBanned | Room.UserMuted) else UNSET,
                erased=erasures.get(place, UNSET),
            )
        case Room.ContentErased():
            erased_now = ErasedContent(timestamp(event.timestamp), event.words.text)
            return Erasure(rooms[place], actor, [Version(version) for version in event.versions], erased_now)
        case _:
            assert_never(event)


def shows_room(event: RoomEvent) -> bool:
    """Whether the body shows the whole room. The body of a message does not, so posting needs no query."""
    return not isinstance(event, Room.MessageAdded)


def named_in(event: RoomEvent) -> set[UserId]:
    """The users whom its body names."""
    return {event.actor} if event.person is None else {event.actor, event.person}


def room_version(event: RoomEvent) -> RoomVersion:
    return RoomId(event.originator_id), Version(event.originator_version)


class Bodies:
    """Bodies of events. An event's body never changes, except for the names of users and for words that were erased."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def body(self, event: RoomEvent, actor: User) -> Body:
        """The body of one event; `actor` is who acted."""
        rooms = await self.rooms_at([room_version(event)]) if shows_room(event) else {}
        users = {event.actor: actor} | await self.users(named_in(event) - {event.actor})
        return body(event, users, rooms, await self.erasures([event]))

    async def of(self, batch: Sequence[Recorded[RoomEvent]]) -> list[StreamEvent]:
        """The events of `batch` with their bodies, in order."""
        events = [recorded.event for recorded in batch]
        users = await self.users(user_id for event in events for user_id in named_in(event))
        rooms = await self.rooms_at(room_version(event) for event in events if shows_room(event))
        erasures = await self.erasures(events)
        return [
            StreamEvent(
                version=recorded.version,
                position=recorded.position,
                type=event.TOPIC,
                body=body(event, users, rooms, erasures),
                occurred_at=timestamp(event.timestamp),
                idempotency_key=event.client_id if isinstance(event, Room.MessageAdded) else None,
            )
            for recorded, event in zip(batch, events, strict=True)
        ]

    async def members_changed(self, run: Sequence[Room.UserJoined | Room.UserLeft]) -> MembersChanged:
        """The body that stands for all of `run`: joins and leaves of one room with consecutive versions."""
        first, last = run[0], run[-1]
        last_moves = {event.user_id: event for event in run}
        newest = [event for event in run if last_moves[event.user_id] is event]
        joined = [event.user_id for event in newest if isinstance(event, Room.UserJoined)][-MOST_NAMED:]
        left = [event.user_id for event in newest if isinstance(event, Room.UserLeft)][-MOST_NAMED:]
        users = await self.users([*joined, *left])
        return MembersChanged(
            first=Version(first.originator_version),
            version=Version(last.originator_version),
            count=len(run),
            joined=[users[user_id] for user_id in joined],
            left=[users[user_id] for user_id in left],
            room=await self.room_at(*room_version(last)),
        )

    async def room_at(self, room_id: RoomId, version: Version) -> RoomSummary:
        """The room as it was right after `version`."""
        return (await self.rooms_at([(room_id, version)]))[room_id, version]

    async def rooms_at(self, asked: Iterable[RoomVersion]) -> dict[RoomVersion, RoomSummary]:
        """Rooms as they were right after given versions."""
        versions = sorted(set(asked))
        if not versions:
            return {}
        rows = await self._database.fetch(
            ROOMS_AT, [room for room, _ in versions], [version for _, version in versions]
        )
        return {(row["room_id"], row["version"]): room_summary(row) for row in rows}

    async def erasures(self, events: Iterable[RoomEvent]) -> dict[RoomVersion, ErasedContent]:
        """When and why words were erased: an entry for each of these events whose words are absent."""
        absent = [room_version(event) for event in events if isinstance(event.words, words.Erased)]
        if not absent:
            return {}
        rows = await self._database.fetch(ERASURES, [room for room, _ in absent], [version for _, version in absent])
        return {(row["room_id"], row["version"]): erased_of(row) for row in rows}

    async def users(self, user_ids: Iterable[UserId]) -> dict[UserId, User]:
        """Users by id, one for each id, even without an account."""
        asked = set(user_ids)
        rows = await self._database.fetch(USERS, list(asked)) if asked else []
        found = {user_id: user(user_id, username, kind) for user_id, username, kind in rows}
        return {user_id: found.get(user_id) or user(user_id, None) for user_id in asked}
