"""Bodies of events: the same in the response to a command, in publications and in the feed.

The shapes in a body are built only here, for events and for queries of the read models.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET

from domain import words
from domain.room import Room, RoomEvent
from domain.room.discussion.message import MessageEvent
from domain.room.mentioning import EVERYONE
from domain.values import RoomId, UserId
from eventstore.log import Recorded
from eventstore.values import Version
from eventstore.words import join
from postgres.calls import unseen
from postgres.database import Database
from projections.readmodels.admission.readable import may_read
from projections.readmodels.discussion.message_rows import (
    attachment,
    extras,
    message_columns,
    message_of,
    text,
    text_columns,
    words_shown,
)
from projections.readmodels.discussion.said import RoomVersion, read_said, room_version
from projections.readmodels.shapes import (
    MOST_NAMED,
    AccountErasure,
    Attachment,
    Body,
    ErasedContent,
    Erasure,
    Invitation,
    LastMessage,
    Member,
    MemberChange,
    MembersChanged,
    Message,
    MessageChange,
    MessageRoom,
    ReactionChange,
    Retraction,
    RoomPlace,
    RoomSummary,
    StreamEvent,
    User,
    mentioned,
    timestamp,
    user,
)
from projections.readmodels.words import erased_of, erasure, erasure_columns


def last_columns(beginning: int | None = None) -> str:
    """SQL: the columns of a room's last message, for `room_summary`; of its words all, or so many characters."""
    return f"""
    last.version AS last_id, last.posted_at AS last_posted_at, last.user_id AS last_user_id,
    users.username AS last_username, users.kind AS last_kind, {text_columns("last", "last_", beginning=beginning)}
"""


def of_last(at: str | None = None) -> str:
    """SQL: joins what the last message says, now or at a version, and its author."""
    return f"{text('last', at)} LEFT JOIN users ON users.user_id = last.user_id"


PEOPLE = """
    CASE WHEN rooms.people IS NOT NULL THEN (
        SELECT json_agg(json_build_array(each.user_id, users.username, users.kind) ORDER BY place)
        FROM unnest(rooms.people) WITH ORDINALITY AS each (user_id, place) LEFT JOIN users USING (user_id)
    )::text END AS people
"""
"""SQL: whom a direct conversation is of, as JSON."""


def newest_about_room(aspect: str) -> str:
    """SQL: joins the newest decision about this aspect of a room of `asked`, up to its version."""
    return f"""
LEFT JOIN LATERAL (
    SELECT version, is_set, words FROM governance
    WHERE rooms.decision_count > 0 AND room_id = asked.room_id AND aspect = '{aspect}' AND member_id = 0
        AND version <= asked.version
    ORDER BY version DESC LIMIT 1
) AS {aspect} ON true"""


# The last message is told only where everyone who gets the event may read it: then each member reads from `open_from`
# or from earlier.
ROOMS_AT = f"""
SELECT
    asked.room_id, asked.version,
    coalesce(named.content, CASE WHEN former.name_version IS NULL THEN rooms.name ELSE former.name END, '') AS name,
    coalesce(titled.content, topic.words, '') AS topic, topic.is_set AS has_topic, archive.is_set AS is_archived,
    CASE WHEN coalesce(joined.version, 0) > coalesce(departed.version, 0)
        THEN joined.members ELSE coalesce(departed.members, 0) END AS member_count,
    coalesce(newest.posted_at, rooms.opened_at) AS bumped_at,
    access.visibility, access.open_from, {PEOPLE},
    {last_columns()}
FROM unnest({unseen("$1::uuid[]")}, {unseen("$2::bigint[]")}) AS asked (room_id, version)
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
{newest_about_room("topic")}
{newest_about_room("archive")}
{join("asked.room_id", "coalesce(former.name_version, rooms.name_version)", "named")}
{join("asked.room_id", "topic.version", "titled")}
{of_last("asked.version")}
"""

MESSAGES_AT = f"""
SELECT message.room_id, asked.at, {message_columns("message", "asked.at")}
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS asked (room_id, message, at)
JOIN messages AS message ON message.room_id = asked.room_id AND message.version = asked.message
{text("message", "asked.at")} {extras("message", "asked.at")}
LEFT JOIN users ON users.user_id = message.user_id
"""

UNREADABLE = f"""
SELECT changed.room_id, changed.version
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS changed (room_id, version, message)
WHERE NOT {may_read("changed.room_id", "$4", "changed.message")}
"""

ERASURES = f"""
SELECT asked.room_id, asked.version, {erasure_columns()}
FROM unnest({unseen("$1::uuid[]")}, {unseen("$2::bigint[]")}) AS asked (room_id, version)
{erasure("asked.room_id", "asked.version")}
"""

FILE_NAMES = "SELECT upload_id, name FROM uploads WHERE upload_id = ANY($1)"

USERS = "SELECT user_id, username, kind FROM users WHERE user_id = ANY($1)"


@dataclass(frozen=True, slots=True)
class Around:
    """What bodies show around their events: rooms right after them, when and why words were erased or retracted, and
    the messages that events changed, right after them.
    """

    rooms: Mapping[RoomVersion, RoomSummary] = field(default_factory=dict)
    erasures: Mapping[RoomVersion, ErasedContent] = field(default_factory=dict)
    retractions: Mapping[RoomVersion, Retraction] = field(default_factory=dict)
    messages: Mapping[RoomVersion, Message] = field(default_factory=dict)
    file_names: Mapping[str, str] = field(default_factory=dict)
    """Of the files of messages, by the ids of their uploads."""


NOTHING_AROUND = Around()


def room_summary(row: asyncpg.Record) -> RoomSummary:
    """A room from a row with its columns, PEOPLE and `last_columns`."""
    last = None
    if row["last_id"] is not None:
        author = user(row["last_user_id"], row["last_username"], row["last_kind"])
        content, erased, retracted = words_shown(row, "last_")
        last = LastMessage(row["last_id"], content, author, timestamp(row["last_posted_at"]), erased, retracted)
    people = [user(*each) for each in msgspec.json.decode(row["people"])] if row["people"] is not None else UNSET
    return RoomSummary(
        id=row["room_id"],
        name=row["name"] if people is UNSET else ", ".join(person.username for person in people),
        version=row["version"],
        bumped_at=timestamp(row["bumped_at"]),
        member_count=row["member_count"],
        last_message=last,
        visibility=row["visibility"],
        history="all" if row["open_from"] is not None else "since_joining",
        topic=row["topic"] if row["has_topic"] else UNSET,
        is_archived=True if row["is_archived"] else UNSET,
        people=people,
    )


def to_leaver(room: RoomSummary) -> RoomSummary:
    """The room as the leaving of a member tells it. Who left a room that is not public reads nothing of it any more."""
    return room if room.visibility == "public" else msgspec.structs.replace(room, last_message=None)


def body(event: RoomEvent, users: Mapping[UserId, User], around: Around) -> Body:
    """The body of an event. `users` has those whom it names; `around` has what the body shows besides."""
    place, actor = room_version(event), users[event.actor]
    match event:
        case Room.MessageAdded():
            return message_added(event, users, around)
        case (
            Room.RoomOpened()
            | Room.UserJoined()
            | Room.RoomRenamed()
            | Room.TopicSet()
            | Room.RoomArchived()
            | Room.RoomReopened()
        ):
            return Member(around.rooms[place], actor)
        case Room.UserLeft() if (why := event.words) is not None:
            room, erased = to_leaver(around.rooms[place]), around.erasures.get(place, UNSET)
            return Member(room, users[event.user_id], actor, why.text, erased)
        case Room.UserLeft():
            return Member(to_leaver(around.rooms[place]), actor)
        case Room.VisibilityChanged() | Room.HistoryChanged() | Room.InvitationDeclined():
            return Member(around.rooms[place], actor)
        case Room.InvitationLinkMade() | Room.InvitationLinkRevoked():
            return Member(around.rooms[place], actor)
        case Room.UserInvited() | Room.InvitationWithdrawn():
            return Invitation(around.rooms[place], actor, users[event.invitee_id])
        case Room.RoleGiven() | Room.UserBanned() | Room.BanLifted() | Room.UserMuted() | Room.MuteLifted():
            return MemberChange(
                around.rooms[place],
                actor,
                users[event.member_id],
                event.words.text,
                role=event.role if isinstance(event, Room.RoleGiven) else UNSET,
                until=timestamp(event.until) if isinstance(event, Room.UserBanned | Room.UserMuted) else UNSET,
                erased=around.erasures.get(place, UNSET),
            )
        case Room.ContentErased():
            erased_now = ErasedContent(timestamp(event.timestamp), event.words.text)
            return Erasure(around.rooms[place], actor, [Version(version) for version in event.versions], erased_now)
        case Room.MessageEdited() if event.mentions:
            named = mentioned_by(event.mentions, users)
            return MessageChange(RoomPlace(*place), actor, around.messages[place], named)
        case Room.UserErased():
            return AccountErasure(around.rooms[place], actor, users[event.member_id])
        case Room.MessageEdited() | Room.MessageRetracted() | Room.MessagePinned() | Room.MessageUnpinned():
            return MessageChange(RoomPlace(*place), actor, around.messages[place])
        case Room.ReactionAdded() | Room.ReactionRemoved():
            reactions = around.messages[place].reactions
            left = reactions if reactions is not UNSET else []
            return ReactionChange(RoomPlace(*place), actor, Version(event.message), event.emoji, left)
        case _:
            assert_never(event)


def withheld(told: Body) -> Body:
    """The body as it is told to one who may not read the message that the event changed."""
    return msgspec.structs.replace(told, message=None, mentioned=UNSET) if isinstance(told, MessageChange) else told


def message_added(event: Room.MessageAdded, users: Mapping[UserId, User], around: Around) -> Message:
    """The message as it was posted: what was done about it later is told by events of its own, except that its words
    were erased or retracted.
    """
    room_id, version = place = room_version(event)
    said_at = timestamp(event.timestamp)
    retracted = around.retractions.get(place, UNSET)
    erased = around.erasures.get(place, UNSET)
    is_shown = erased is UNSET and retracted is UNSET
    return Message(
        version,
        event.words.text if retracted is UNSET else "",
        users[event.actor],
        MessageRoom(room_id, version, said_at),
        said_at,
        erased,
        retracted,
        Version(event.reply_to) if event.reply_to is not None else UNSET,
        mentions=mentioned_by(event.mentions, users) if event.mentions else UNSET,
        attachments=attached_to(event, around.file_names) if event.attachments and is_shown else UNSET,
    )


def attached_to(event: Room.MessageAdded, names: Mapping[str, str]) -> list[Attachment]:
    """The files of a message."""
    return [
        attachment(
            *(each["id"], names.get(each["id"], ""), each["size"], each["media_type"]),
            *(each["sha256"], each["width"], each["height"]),
        )
        for each in event.attachments or ()
    ]


def mentioned_by(mentions: Iterable[int], users: Mapping[UserId, User]) -> list[User]:
    return [mentioned(EVERYONE, None) if each == EVERYONE else users[UserId(each)] for each in mentions]


def shows_room(event: RoomEvent) -> bool:
    """Whether the body shows the whole room. That of a message does not, so posting needs no query."""
    return not isinstance(event, Room.MessageAdded | MessageEvent)


def named_in(event: RoomEvent) -> set[UserId]:
    """The users whom its body names."""
    named = {event.actor} if event.person is None else {event.actor, event.person}
    if isinstance(event, Room.MessageAdded | Room.MessageEdited) and event.mentions:
        named |= {UserId(each) for each in event.mentions}
    return named


def is_plain(event: RoomEvent) -> bool:
    """Whether it is a message that mentions nobody and has no files: its body shows but the words and the author."""
    return (
        isinstance(event, Room.MessageAdded)
        and event.mentions is None
        and event.attachments is None
        and not isinstance(event.words, words.Erased)
    )


class Bodies:
    """Bodies of events. An event's body never changes, except for the names of users and for words that were erased."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def body(self, event: RoomEvent, actor: User) -> Body:
        """The body of one event; `actor` is who acted."""
        if is_plain(event):
            return body(event, {event.actor: actor}, NOTHING_AROUND)
        rooms = await self.rooms_at([room_version(event)]) if shows_room(event) else {}
        users = {event.actor: actor} | await self.users(named_in(event) - {event.actor})
        around = Around(
            rooms, await self.erasures([event]), {}, await self.messages_at([event]), await self.file_names([event])
        )
        return body(event, users, around)

    async def of(self, batch: Sequence[Recorded[RoomEvent]], *, reader: UserId | None = None) -> list[StreamEvent]:
        """The events of `batch` with their bodies, in order; without messages that `reader`, a member, may not read.

        Words that were erased since the events were read are left out.
        """
        unread = await self._unreadable(batch, reader) if reader is not None else frozenset()
        said = await read_said([recorded.event for recorded in batch], self._database)
        events = [said.left_of(recorded.event) for recorded in batch]
        others = {user_id for event in events for user_id in named_in(event)} - said.users.keys()
        users = {**said.users, **await self.users(others)}
        around = Around(
            await self.rooms_at(room_version(event) for event in events if shows_room(event)),
            await self.erasures(events),
            said.retractions,
            await self.messages_at(events),
            await self.file_names(events),
        )
        return [
            StreamEvent(
                version=recorded.version,
                position=recorded.position,
                type=event.TOPIC,
                body=withheld(told) if room_version(event) in unread else told,
                occurred_at=timestamp(event.timestamp),
                idempotency_key=event.client_id if isinstance(event, Room.MessageAdded) else None,
            )
            for recorded, event in zip(batch, events, strict=True)
            for told in [body(event, users, around)]
        ]

    async def _unreadable(self, batch: Sequence[Recorded[RoomEvent]], reader: UserId) -> frozenset[RoomVersion]:
        """The events of `batch` that changed messages which the reader may not read."""
        changes = [recorded.event for recorded in batch if isinstance(recorded.event, MessageEvent)]
        if not changes:
            return frozenset()
        rows = await self._database.fetch(
            UNREADABLE,
            [event.originator_id for event in changes],
            [event.originator_version for event in changes],
            [event.message for event in changes],
            reader,
        )
        return frozenset((row["room_id"], row["version"]) for row in rows)

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

    async def messages_at(self, events: Iterable[RoomEvent]) -> dict[RoomVersion, Message]:
        """The messages that these events changed, right after them."""
        asked = [(*room_version(event), event.message) for event in events if isinstance(event, MessageEvent)]
        if not asked:
            return {}
        rows = await self._database.fetch(
            MESSAGES_AT, [room for room, *_ in asked], [message for *_, message in asked], [at for _, at, _ in asked]
        )
        return {(row["room_id"], row["at"]): message_of(row["room_id"], row) for row in rows}

    async def file_names(self, events: Iterable[RoomEvent]) -> dict[str, str]:
        """The names of the files that these events name, by the ids of their uploads."""
        files = [
            UUID(each["id"])
            for event in events
            if isinstance(event, Room.MessageAdded)
            for each in event.attachments or ()
        ]
        if not files:
            return {}
        return {str(row["upload_id"]): row["name"] for row in await self._database.fetch(FILE_NAMES, files)}

    async def users(self, user_ids: Iterable[UserId]) -> dict[UserId, User]:
        """Users by id, one for each id, even without an account."""
        asked = set(user_ids)
        rows = await self._database.fetch(USERS, list(asked)) if asked else []
        found = {user_id: user(user_id, username, kind) for user_id, username, kind in rows}
        return {user_id: found.get(user_id) or user(user_id, None) for user_id in asked}
