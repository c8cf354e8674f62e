"""Bodies of events: the same in the response to a command, in publications and in the feed.

The shapes in a body are built only here, for events and for queries of the read models.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import assert_never

import asyncpg
import msgspec
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
    Invitation,
    LastMessage,
    Member,
    MembersChanged,
    Message,
    MessageRoom,
    RoomSummary,
    StreamEvent,
    User,
    timestamp,
)
from projections.readmodels.words import erased_of, erasure, erasure_columns, shown, words_of

LAST_COLUMNS = f"""
    last.version AS last_id, {shown("said", "last.content")} AS last_content, last.posted_at AS last_posted_at,
    last.user_id AS last_user_id, users.username AS last_username, {erasure_columns("last_")}
"""
OF_LAST = f"""
{join("last.room_id", "last.version", "said")}
{erasure("last.room_id", "last.version")}
LEFT JOIN users ON users.user_id = last.user_id
"""
"""Joins the words of the last message, their erasure, and its author."""

PEOPLE = """
    rooms.people, CASE WHEN rooms.people IS NOT NULL THEN ARRAY(
        SELECT users.username FROM unnest(rooms.people) WITH ORDINALITY AS each (user_id, place)
        LEFT JOIN users USING (user_id) ORDER BY place
    ) END AS people_names
"""
"""SQL: whom a direct conversation is of, and their names in the same order."""

# The last message is told only where everyone who gets the event may read it: then each member reads from `open_from`
# or from earlier.
ROOMS_AT = f"""
SELECT
    asked.room_id, asked.version,
    coalesce(named.content, CASE WHEN former.name_version IS NULL THEN rooms.name ELSE former.name END, '') AS name,
    CASE WHEN coalesce(joined.version, 0) > coalesce(departed.version, 0)
        THEN joined.members ELSE coalesce(departed.members, 0) END AS member_count,
    coalesce(newest.posted_at, rooms.opened_at) AS bumped_at,
    access.visibility, access.open_from, {PEOPLE},
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
) AS newest ON true
LEFT JOIN LATERAL (
    SELECT until_version, visibility, open_from FROM former_access
    WHERE room_id = asked.room_id AND until_version > asked.version ORDER BY until_version LIMIT 1
) AS past ON rooms.access_count > 0
CROSS JOIN LATERAL (
    SELECT
        CASE WHEN past.until_version IS NULL THEN rooms.visibility ELSE past.visibility END AS visibility,
        CASE WHEN past.until_version IS NULL THEN rooms.open_from ELSE past.open_from END AS open_from
) AS access
LEFT JOIN LATERAL (SELECT newest.* WHERE newest.version >= access.open_from) AS last ON true
LEFT JOIN LATERAL (
    SELECT name, name_version FROM former_names
    WHERE room_id = asked.room_id AND until_version > asked.version ORDER BY until_version LIMIT 1
) AS former ON true
{join("asked.room_id", "coalesce(former.name_version, rooms.name_version)", "named")}
{OF_LAST}
"""

ERASURES = f"""
SELECT asked.room_id, asked.version, {erasure_columns()}
FROM unnest($1::uuid[], $2::bigint[]) AS asked (room_id, version)
{erasure("asked.room_id", "asked.version")}
"""

USERNAMES = "SELECT user_id, username FROM users WHERE user_id = ANY($1)"

RoomVersion = tuple[RoomId, Version]


def user(user_id: UserId, username: str | None) -> User:
    """A user; `user <id>` replaces the name when the account does not exist here, as after an import."""
    if user_id == OPERATOR:
        return User(OPERATOR, "operator")
    return User(user_id, username if username is not None else f"user {user_id}")


def message(
    room_id: RoomId, version: Version, *, author: User, said: tuple[str, ErasedContent | UnsetType], posted_at: datetime
) -> Message:
    """A message that was posted, and what is shown of its words."""
    said_at = timestamp(posted_at)
    content, erased = said
    return Message(version, content, author, MessageRoom(room_id, version, said_at), said_at, erased)


def room_summary(row: asyncpg.Record) -> RoomSummary:
    """A room from a row with its columns, PEOPLE and LAST_COLUMNS."""
    last = None
    if row["last_id"] is not None:
        author = user(row["last_user_id"], row["last_username"])
        content, erased = words_of(row, "last_")
        last = LastMessage(row["last_id"], content, author, timestamp(row["last_posted_at"]), erased)
    people = [user(*each) for each in zip(row["people"], row["people_names"], strict=True)] if row["people"] else UNSET
    return RoomSummary(
        id=row["room_id"],
        name=row["name"] if people is UNSET else ", ".join(person.username for person in people),
        version=row["version"],
        bumped_at=timestamp(row["bumped_at"]),
        member_count=row["member_count"],
        last_message=last,
        visibility=row["visibility"],
        history="all" if row["open_from"] is not None else "since_joining",
        people=people,
    )


def to_leaver(room: RoomSummary) -> RoomSummary:
    """The room as the leaving of a member tells it. Who left a room that is not public reads nothing of it any more."""
    return room if room.visibility == "public" else msgspec.structs.replace(room, last_message=None)


def body(
    event: RoomEvent,
    actor: User,
    users: Mapping[UserId, User],
    rooms: Mapping[RoomVersion, RoomSummary],
    erasures: Mapping[RoomVersion, ErasedContent],
) -> Body:
    """The body of an event. `actor` acted, `users` are others whom it names; `rooms` has the room right after the event
    if the body shows it, `erasures` when and why its words were erased, if they were.
    """
    place = room_version(event)
    match event:
        case Room.MessageAdded():
            said = (event.words.text, erasures.get(place, UNSET))
            return message(*place, author=actor, said=said, posted_at=event.timestamp)
        case Room.RoomOpened() | Room.UserJoined() | Room.RoomRenamed():
            return Member(rooms[place], actor)
        case Room.UserLeft():
            return Member(to_leaver(rooms[place]), actor)
        case Room.VisibilityChanged() | Room.HistoryChanged() | Room.InvitationDeclined():
            return Member(rooms[place], actor)
        case Room.InvitationLinkMade() | Room.InvitationLinkRevoked():
            return Member(rooms[place], actor)
        case Room.UserInvited() | Room.InvitationWithdrawn():
            return Invitation(rooms[place], actor, users[event.invitee_id])
        case Room.ContentErased():
            erased_now = ErasedContent(timestamp(event.timestamp), event.words.text)
            return Erasure(rooms[place], actor, [Version(version) for version in event.versions], erased_now)
        case _:
            assert_never(event)


def shows_room(event: RoomEvent) -> bool:
    """Whether the body shows the whole room. The body of a message does not, so posting needs no query."""
    return not isinstance(event, Room.MessageAdded)


def named_by(event: RoomEvent) -> Sequence[UserId]:
    """Whom the event's body names besides who acted."""
    return (event.invitee_id,) if isinstance(event, Room.UserInvited | Room.InvitationWithdrawn) else ()


def room_version(event: RoomEvent) -> RoomVersion:
    return RoomId(event.originator_id), Version(event.originator_version)


class Bodies:
    """Bodies of events. An event's body never changes, except for the names of users and for words that were erased."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def body(self, event: RoomEvent, actor: User) -> Body:
        """The body of one event; `actor` is who acted."""
        rooms = await self.rooms_at([room_version(event)]) if shows_room(event) else {}
        return body(event, actor, await self.users(named_by(event)), rooms, await self.erasures([event]))

    async def of(self, batch: Sequence[Recorded[RoomEvent]]) -> list[StreamEvent]:
        """The events of `batch` with their bodies, in order."""
        events = [recorded.event for recorded in batch]
        users = await self.users(user_id for event in events for user_id in (event.actor, *named_by(event)))
        rooms = await self.rooms_at(room_version(event) for event in events if shows_room(event))
        erasures = await self.erasures(events)
        return [
            StreamEvent(
                version=recorded.version,
                position=recorded.position,
                type=event.TOPIC,
                body=body(event, users[event.actor], users, rooms, erasures),
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
        names = dict(await self._database.fetch(USERNAMES, list(asked))) if asked else {}
        return {user_id: user(user_id, names.get(user_id)) for user_id in asked}
