"""The Room aggregate, the unit of consistency, and its events."""

import unicodedata
from collections.abc import Sequence
from typing import Any, ClassVar, cast

from eventsourcing.domain import Aggregate, event

from domain.errors import AlreadyAMember, InvalidField, NameTaken, NotAMember, NothingToErase
from domain.events import event_classes
from domain.names import has_hidden, is_blank, name_key
from domain.values import OPERATOR, ClientId, RequestId, RoomId, UserId
from domain.words import Words, words

NAME_LIMIT = 100
CONTENT_LIMIT = 4000
REASON_LIMIT = 500
ERASED_LIMIT = 1000
"""The most versions that one event erases."""
HIDDEN = "A name has no invisible characters."
NAME_TAKEN = "A room with this name already exists."


class Room(Aggregate):
    """A conversation: its members and their messages, in order.

    Commands decide and may raise the errors of `domain.errors`; the methods under `@event` apply. They run again on
    every load: no checks, clock or randomness there. What people typed, messages and names, is not kept in memory: no
    rule needs it, and rooms load from the log, which does not hold it.
    """

    TOPIC = "room"

    class Event(Aggregate.Event):
        """Something that happened in a room. Each kind is `SelfDescribing`, and one of `RoomEvent`."""

        WORDS: ClassVar[str | None] = None
        ERASES: ClassVar[str | None] = None

        @property
        def words(self) -> Words | None:
            return None

        @property
        def text(self) -> str | None:
            return self.words.text if self.words is not None else None

        @staticmethod
        def compared(text: str, /) -> str | None:
            return None

    class RoomOpened(Event, Aggregate.Created):
        """Version 1 of every room."""

        TOPIC = "room_opened"
        LABEL = "opened the room"
        WORDS = "name"
        class_version = 2
        opened_by: UserId
        name: str | None = None
        sealed: str | None = None
        compared = staticmethod(name_key)

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["sealed"] = None  # the name is in the log

        @property
        def actor(self) -> UserId:
            return self.opened_by

        @property
        def words(self) -> Words:
            return words(self.name, self.sealed)

    Created = RoomOpened  # otherwise the library would add a created-event of its own, without a topic

    class UserJoined(Event):
        """A user joined."""

        TOPIC = "user_joined"
        LABEL = "joined"
        user_id: UserId

        @property
        def actor(self) -> UserId:
            return self.user_id

    class UserLeft(Event):
        """A member left."""

        TOPIC = "user_left"
        LABEL = "left"
        user_id: UserId

        @property
        def actor(self) -> UserId:
            return self.user_id

    class MessageAdded(Event):
        """A member said something. `client_id` is the sender's idempotency key, where one was sent.

        Both are words that stand apart from the log.
        """

        TOPIC = "message_added"
        LABEL = "said something"
        WORDS = "content"
        class_version = 2
        user_id: UserId
        content: str | None = None
        client_id: ClientId | None = None
        sealed: str | None = None

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["sealed"] = None  # the content is in the log

        @property
        def actor(self) -> UserId:
            return self.user_id

        @property
        def words(self) -> Words:
            return words(self.content, self.sealed)

    class RoomRenamed(Event):
        """A member renamed the room."""

        TOPIC = "room_renamed"
        LABEL = "renamed the room"
        WORDS = "name"
        class_version = 2
        user_id: UserId
        name: str | None = None
        sealed: str | None = None
        compared = staticmethod(name_key)

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["sealed"] = None  # the name is in the log

        @property
        def actor(self) -> UserId:
            return self.user_id

        @property
        def words(self) -> Words:
            return words(self.name, self.sealed)

    class ContentErased(Event):
        """The words of these versions were erased, for `request`. The room keeps place, author and time of each.

        `why` is words too. Words that the log itself holds are never named here: they cannot be erased.
        """

        TOPIC = "content_erased"
        LABEL = "erased content"
        WORDS = "why"
        ERASES = "versions"
        erased_by: UserId
        versions: list[int]
        request: str
        why: str | None = None
        sealed: str | None = None

        @property
        def actor(self) -> UserId:
            return self.erased_by

        @property
        def words(self) -> Words:
            return words(self.why, self.sealed)

    @event(RoomOpened)
    def __init__(self, *, opened_by: UserId, name: str | None = None) -> None:
        self.members: set[UserId] = set()
        self.name_version = 1

    @classmethod
    def open(cls, *, name: str, user_id: UserId) -> "Room":
        """A new room with a new id, of which the opener is the first member.

        Raises InvalidField for a name that is blank, too long or more than one line.
        """
        check_name(name)
        room = cls(name=name.strip(), opened_by=user_id)
        room._user_joined(user_id=user_id)
        return room

    @property
    def room_id(self) -> RoomId:
        return cast(RoomId, self.id)

    def post(self, *, user_id: UserId, content: str, client_id: ClientId | None = None) -> None:
        """Record `content`, kept exactly as sent, as said by `user_id`.

        Raises InvalidField for content that is blank or over 4,000 characters, NotAMember.
        """
        check_content(content)
        self._must_have(user_id)
        self._message_added(user_id=user_id, content=content, client_id=client_id)

    def join(self, *, user_id: UserId) -> None:
        """Make `user_id` a member. Raises AlreadyAMember."""
        if user_id in self.members:
            raise AlreadyAMember("already a member")
        self._user_joined(user_id=user_id)

    def leave(self, *, user_id: UserId) -> None:
        """End the membership of `user_id`. Raises NotAMember."""
        self._must_have(user_id)
        self._user_left(user_id=user_id)

    def rename(self, *, user_id: UserId, name: str, is_taken: bool, present: str | None) -> None:
        """Rename the room to `name`. `is_taken`: another room has that name. `present`: the name that this room has, if
        the two compare as equal.

        An operator need not be a member. Raises InvalidField for what cannot be a name, and for the very name that the
        room has; NotAMember; NameTaken.
        """
        check_name(name)
        if user_id != OPERATOR:
            self._must_have(user_id)
        if name.strip() == present:
            raise InvalidField("name", "The room has this name already.")
        if is_taken:
            raise NameTaken(NAME_TAKEN)
        self._room_renamed(user_id=user_id, name=name.strip())

    def erase(self, *, versions: Sequence[int], erased_by: UserId, request: RequestId, why: str) -> None:
        """Erase the words of these versions, at most 1,000, in ascending order. Whether each has words, and nothing
        forbids to erase them, is known to the caller.

        Raises NothingToErase for a version that is not in the room, and for the one that gave the room its name;
        InvalidField for a reason that is blank or over 500 characters.
        """
        check_reason(why)
        if not 1 <= len(versions) <= ERASED_LIMIT or list(versions) != sorted(set(versions)):
            raise InvalidField("versions", f"Give 1 to {ERASED_LIMIT} different versions, in ascending order.")
        if not (versions[0] >= 1 and versions[-1] <= self.version):
            raise NothingToErase("The room has no such version.")
        if self.name_version in versions:
            raise NothingToErase(f"Version {self.name_version} is the room's name now: rename the room first.")
        self._content_erased(erased_by=erased_by, versions=list(versions), request=str(request), why=why.strip())

    def _must_have(self, user_id: UserId) -> None:
        if user_id not in self.members:
            raise NotAMember("not a member of this room")

    @event(UserJoined)
    def _user_joined(self, user_id: UserId) -> None:
        self.members.add(user_id)

    @event(UserLeft)
    def _user_left(self, user_id: UserId) -> None:
        self.members.remove(user_id)

    @event(RoomRenamed)
    def _room_renamed(self, user_id: UserId, name: str | None = None) -> None:
        self.name_version = self.version + 1  # an event is applied before the version moves

    @event(ContentErased)
    def _content_erased(self, erased_by: UserId, versions: list[int], request: str, why: str | None = None) -> None:
        pass

    @event(MessageAdded)
    def _message_added(self, user_id: UserId, content: str | None = None, client_id: ClientId | None = None) -> None:
        pass


RoomEvent = (
    Room.RoomOpened | Room.UserJoined | Room.UserLeft | Room.MessageAdded | Room.RoomRenamed | Room.ContentErased
)
"""Every event type of a room. Code that handles them all matches on this and ends in `assert_never`."""

TOPICS = tuple(kind.TOPIC for kind in event_classes(Room))
"""The stored names of a room's events."""

LABELS = {kind.TOPIC: kind.LABEL for kind in event_classes(Room)}
"""The label of each topic, as shown to people."""


def check_name(name: str) -> None:
    """Raises InvalidField unless `name` can be a room's: 1 to 100 characters on one line."""
    check_text("name", name)
    if len(name) > NAME_LIMIT:
        raise InvalidField("name", f"Ensure this field has no more than {NAME_LIMIT} characters.")
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in name.strip()):
        raise InvalidField("name", "A name is one line of text.")
    if has_hidden(name.strip()):
        raise InvalidField("name", HIDDEN)


def check_content(content: str) -> None:
    """Raises InvalidField unless `content` can be a message: 1 to 4,000 characters that are not all white space."""
    check_text("content", content)
    if len(content) > CONTENT_LIMIT:
        raise InvalidField("content", f"Ensure this field has no more than {CONTENT_LIMIT} characters.")


def check_reason(why: str) -> None:
    """Raises InvalidField unless `why` can be the reason for something: 1 to 500 characters, not all white space."""
    check_text("why", why)
    if len(why) > REASON_LIMIT:
        raise InvalidField("why", f"Ensure this field has no more than {REASON_LIMIT} characters.")


def check_text(field: str, text: str) -> None:
    """Raises InvalidField for text that a store cannot keep (NUL, lone surrogates) and for blank text."""
    if "\x00" in text:
        raise InvalidField(field, "Null characters are not allowed.")
    if not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidField(field, "Lone surrogates are not allowed.")
    if is_blank(text):
        raise InvalidField(field, "This field may not be blank.")
