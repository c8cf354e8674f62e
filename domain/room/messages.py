"""What members say."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.room.event import UserEvent
from domain.room.state import RoomState
from domain.room.texts import check_content
from domain.values import ClientId, RoomId, UserId
from domain.words import Words, words


@dataclass(frozen=True, slots=True)
class PostMessage:
    """Post `content` in a room."""

    room_id: RoomId
    user_id: UserId
    content: str
    client_id: ClientId | None = None


class MessageAdded(UserEvent):
    """A member said something. `client_id` is the sender's idempotency key, where one was sent.

    Both are words that stand apart from the log.
    """

    TOPIC = "message_added"
    LABEL = "said something"
    WORDS = "content"
    class_version = 2
    content: str | None = None
    client_id: ClientId | None = None
    sealed: str | None = None

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["sealed"] = None  # the content is in the log

    @property
    def words(self) -> Words:
        return words(self.content, self.sealed)


class Messages(RoomState):
    """What is said in the room."""

    def post(
        self, *, user_id: UserId, content: str, client_id: ClientId | None = None, now: datetime | None = None
    ) -> None:
        """Record `content`, kept exactly as sent, as said by `user_id`. Without `now`, no mute on record has ended.

        Raises InvalidField for content that is blank or over 4,000 characters, NotAMember, RoomIsArchived, MutedInRoom.
        """
        check_content(content)
        self.check_may_speak(user_id, now=now)
        self.trigger_event(MessageAdded, user_id=user_id, content=content, client_id=client_id)
