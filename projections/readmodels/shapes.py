"""The shapes of the HTTP contract (docs/http-api.md), the same in responses, publications and the feed.

A body is derived from the log: an event gives the same `Message` or `Member` to every user at any time.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from domain.room.mentioning import EVERYONE, ROOM
from domain.room.state import RoomRole
from domain.values import OPERATOR, ClientId, RoomId, UserId
from eventstore.values import Position, Version

Timestamp = Annotated[
    str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$", description="RFC 3339, UTC, microseconds")
]
"""A string, not a datetime: always six digits of a second, so that timestamps sort as strings."""


def timestamp(moment: datetime) -> Timestamp:
    """`moment` (aware, any zone) as the contract writes times."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    text = encode_time(moment)[1:-1].decode()
    return text if moment.microsecond else f"{text[:-1]}.000000Z"


encode_time = msgspec.json.Encoder().encode
"""As JSON. A page or a feed has hundreds of times: `isoformat` takes ten times as long."""


UserKind = Literal["erased", "deactivated", "bot", "admin"]
"""The mark of an account, where it has one: `kind` in docs/http-api.md."""


class User(Struct, frozen=True):
    """A user, by the id that events name. An ordinary account has no `kind`."""

    id: UserId
    username: str
    kind: UserKind | UnsetType = UNSET


def user(user_id: UserId, username: str | None, kind: UserKind | None = None) -> User:
    """A user; `user <id>` replaces the name when the account does not exist here, as after an import."""
    if user_id == OPERATOR:
        return User(OPERATOR, "operator")
    return User(user_id, username if username is not None else f"user {user_id}", kind if kind is not None else UNSET)


def mentioned(user_id: UserId, username: str | None, kind: UserKind | None = None) -> User:
    """Whom a message mentions."""
    return User(EVERYONE, ROOM) if user_id == EVERYONE else user(user_id, username, kind)


class ErasedContent(Struct, frozen=True):
    """That the words were erased, when and why. `at` is null in a copy of the log that was made without its words."""

    at: Timestamp | None
    why: str


WITHOUT_CONTENT = ErasedContent(None, "This copy of the log was made without its words.")
"""Of words that are absent and that no event of the log erased."""


class Retraction(Struct, frozen=True):
    """When a message was taken back, by whom and why: empty where its author gave no reason. It stays on record."""

    at: Timestamp
    by: User
    why: str


class Reaction(Struct, frozen=True):
    """How many reacted with an emoji, and who: the first 20 of them."""

    emoji: str
    count: int
    users: list[User]


class Pin(Struct, frozen=True):
    """When a message was pinned, and by whom."""

    at: Timestamp
    by: User


class LastMessage(Struct, frozen=True):
    """The newest message of a room, as room lists show it. Words that were erased or retracted leave an empty
    `content`, and `erased` or `retracted`.
    """

    id: Version
    content: str
    user: User
    created_at: Timestamp
    erased: ErasedContent | UnsetType = UNSET
    retracted: Retraction | UnsetType = UNSET


Visibility = Literal["public", "private", "direct"]
History = Literal["all", "since_joining"]


class RoomSummary(Struct, frozen=True):
    """A room at `version`. `bumped_at` is when its newest message was posted, or else when it was opened.

    `last_message` is null as well where the reader may not read it; in an event, where one who gets the event may not.
    A direct conversation has `people`, and their names for a name.
    `topic` is absent where it has none, `is_archived` where it is open.
    """

    id: RoomId
    name: str
    version: Version
    bumped_at: Timestamp
    member_count: int
    last_message: LastMessage | None
    topic: str | UnsetType = UNSET
    is_archived: bool | UnsetType = UNSET
    visibility: Visibility = "public"
    history: History = "all"
    people: list[User] | UnsetType = UNSET


class RoomFound(Struct, frozen=True):
    """A room found by a search; the user need not be a member."""

    id: RoomId
    name: str
    created_at: Timestamp
    is_member: bool


class MessageRoom(Struct, frozen=True):
    """What a message changed about its room: `version` is the message's own id."""

    id: RoomId
    version: Version
    bumped_at: Timestamp


class Attachment(Struct, frozen=True):
    """A file, by the id of its upload. `type` is its media type by its content; an image has its size in pixels.
    The name is empty where this installation does not have the file.
    """

    id: UUID
    name: str
    size: int
    type: str
    sha256: str
    width: int | UnsetType = UNSET
    height: int | UnsetType = UNSET


class Message(Struct, frozen=True):
    """A message. `id` is the version of the room that added it, `content` what it says since its newest edit. Words
    that were erased or retracted leave an empty `content`, and `erased` or `retracted`.

    `reply_to` is the id of the message that it answers. `mentions` are the members whom it named, or an edit of it, by
    their names of today; user 0 is everyone in the room. `attachments` are its files. What has not happened to a
    message has no field.
    """

    id: Version
    content: str
    user: User
    room: MessageRoom
    created_at: Timestamp
    erased: ErasedContent | UnsetType = UNSET
    retracted: Retraction | UnsetType = UNSET
    reply_to: Version | UnsetType = UNSET
    edited_at: Timestamp | UnsetType = UNSET
    reactions: list[Reaction] | UnsetType = UNSET
    pinned: Pin | UnsetType = UNSET
    mentions: list[User] | UnsetType = UNSET
    attachments: list[Attachment] | UnsetType = UNSET


class Member(Struct, frozen=True):
    """A user who opened, joined, left or changed a room, and the room right after that.

    Where another user removed the member who left: `removed_by`, and `why`, empty once it was `erased`.
    """

    room: RoomSummary
    user: User
    removed_by: User | UnsetType = UNSET
    why: str | UnsetType = UNSET
    erased: ErasedContent | UnsetType = UNSET


class MemberChange(Struct, frozen=True):
    """What `user` decided about `member`, and why; the room right after that. `user` 0 is an operator or the service.

    `role` is of a role that was given, `until` of a ban or mute. `why` is empty once it was `erased`.
    """

    room: RoomSummary
    user: User
    member: User
    why: str
    role: RoomRole | UnsetType = UNSET
    until: Timestamp | UnsetType = UNSET
    erased: ErasedContent | UnsetType = UNSET


class RoomMember(User, frozen=True, kw_only=True):
    """A member of a room: the role in it, and the version at which the present stay began."""

    role: RoomRole
    joined: Version


class Muted(Struct, frozen=True):
    """Until when a member says nothing, and why: the version of that decision. `why` is empty once it was erased."""

    version: Version
    until: Timestamp
    why: str


class OwnStanding(Struct, frozen=True):
    """What the user of a page may do in a room."""

    role: RoomRole
    muted: Muted | UnsetType = UNSET


class Invitation(Struct, frozen=True):
    """An invitation that `user` made or withdrew, whom it is for, and the room right after that."""

    room: RoomSummary
    user: User
    invitee: User


class Erasure(Struct, frozen=True):
    """The words of these versions of a room were erased, when and why; who acted, and the room right after that.

    `user` 0 is an operator, or the service itself.
    """

    room: RoomSummary
    user: User
    versions: list[Version]
    erased: ErasedContent


class AccountErasure(Struct, frozen=True):
    """An account was erased: `erased_user` is shown in place of the user with that id, everywhere in the room. Who
    acted, and the room right after that; `user` 0 is an operator, or the service itself.
    """

    room: RoomSummary
    user: User
    erased_user: User


class RoomPlace(Struct, frozen=True):
    """A room, and its version after an event."""

    id: RoomId
    version: Version


class MessageChange(Struct, frozen=True):
    """A user edited, retracted, pinned or unpinned a message: who, and the message as it is after that.

    `message` is null to one who may not read it: it was said before they joined. `mentioned` are those whom an edit was
    the first to name, also user 0 for everyone.
    """

    room: RoomPlace
    user: User
    message: Message | None
    mentioned: list[User] | UnsetType = UNSET


class ReactionChange(Struct, frozen=True):
    """A reaction to a message came or went: who reacted, and all reactions to it after that."""

    room: RoomPlace
    user: User
    message_id: Version
    emoji: str
    reactions: list[Reaction]


Body = Message | Member | Erasure | AccountErasure | MemberChange | Invitation | MessageChange | ReactionChange
"""The part of an event that clients see."""


class MembersChanged(Struct, frozen=True):
    """Many joins and leaves of one room in a row: versions `first` to `version`, and the room right after them.

    `joined` are members now who joined in the meantime, `left` the opposite; the newest `MOST_NAMED` of each.
    """

    first: Annotated[Version, Meta(description="the first version that this stands for")] = field(name="from")
    version: Version
    count: int
    joined: list[User]
    left: list[User]
    room: RoomSummary


MOST_NAMED = 20
"""How many users `MembersChanged` names on each side."""

PublishedBody = Body | MembersChanged
"""The part of a publication about a room."""


class StreamEvent(Struct, frozen=True, omit_defaults=True):
    """One event of the log, with the body that its publication carries.

    `idempotency_key` is that of the request, where it had one and the event keeps it: its sender knows the event by it.
    """

    version: Version
    position: Position
    type: str
    body: Body
    occurred_at: Timestamp
    idempotency_key: ClientId | None = None


class RoomEvents(Struct, frozen=True):
    """Events of one room, ascending by version. `version` is the room's newest: if the last is below, ask again."""

    events: list[StreamEvent]
    version: Version
