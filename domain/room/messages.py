"""What members say."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.questions import SaidMessage
from domain.room.attaching import Attached, check_attached, recorded
from domain.room.discussion.message import AboutMessages
from domain.room.event import UserEvent
from domain.room.mentioning import Mentioning
from domain.room.texts import check_content
from domain.values import ClientId, RoomId, UserId
from domain.words import Words, words


@dataclass(frozen=True, slots=True)
class PostMessage:
    """Post `content` in a room; it is empty in a message of files alone."""

    room_id: RoomId
    user_id: UserId
    content: str
    client_id: ClientId | None = None
    reply_to: int | None = None
    """A message of the room, by its version."""
    attachments: tuple[str, ...] = ()
    """Files of the user's in this room, by the ids of their uploads."""


class MessageAdded(UserEvent):
    """A member said something. `client_id` is the sender's idempotency key, where one was sent.

    Both are words that stand apart from the log. `reply_to` is the version of the message that it answers, `mentions`
    are the members whom it names, `EVERYONE` for all of them; None where there are none. `attachments` are its files,
    without their names: each with its upload's `id`, `sha256`, `size` in bytes and `media_type`, of an image also
    `width` and `height`.
    """

    TOPIC = "message_added"
    LABEL = "said something"
    WORDS = "content"
    class_version = 3
    content: str | None = None
    client_id: ClientId | None = None
    sealed: str | None = None
    reply_to: int | None = None
    mentions: list[int] | None = None
    attachments: list[dict[str, Any]] | None = None

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["sealed"] = None  # the content is in the log

    @staticmethod
    def upcast_v2_v3(state: dict[str, Any]) -> None:
        state["reply_to"] = state["mentions"] = state["attachments"] = None  # there was no way to say any of them

    @property
    def words(self) -> Words:
        return words(self.content, self.sealed)


class Messages(AboutMessages, Mentioning):
    """What is said in the room."""

    def post(
        self,
        *,
        user_id: UserId,
        content: str,
        client_id: ClientId | None = None,
        now: datetime | None = None,
        named: Collection[UserId] = (),
        attached: Sequence[Attached] = (),
    ) -> None:
        """Record `content`, kept exactly as sent, as said by `user_id`. Without `now`, no mute on record has ended.
        `named` are the users whom it names; only members among them are mentioned. `attached` are its files.

        Raises InvalidField for content that is blank, except empty content with files, or over 4,000 characters;
        NotAMember, RoomIsArchived, MutedInRoom.
        """
        check_content(content, has_files=bool(attached))
        check_attached(attached)
        self.check_may_speak(user_id, now=now)
        mentions = self.mentions(user_id, named)
        files = recorded(attached)
        self.trigger_event(
            MessageAdded, user_id=user_id, content=content, client_id=client_id, mentions=mentions, attachments=files
        )

    def reply(
        self,
        *,
        user_id: UserId,
        content: str,
        to: SaidMessage | None,
        client_id: ClientId | None = None,
        now: datetime | None = None,
        named: Collection[UserId] = (),
        attached: Sequence[Attached] = (),
    ) -> None:
        """As `post`, in answer to a message. Raises also NoSuchMessage, RetractedMessage, ErasedMessage."""
        check_content(content, has_files=bool(attached))
        check_attached(attached)
        self.check_may_speak(user_id, now=now)
        version = self._must_be_said(to).message
        mentions = self.mentions(user_id, named)
        self.trigger_event(
            MessageAdded,
            user_id=user_id,
            content=content,
            client_id=client_id,
            reply_to=version,
            mentions=mentions,
            attachments=recorded(attached),
        )
