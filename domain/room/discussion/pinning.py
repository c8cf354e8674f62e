"""Which messages a room keeps in sight."""

from dataclasses import dataclass
from datetime import datetime

from domain.errors import NotPinned, PinnedAlready, TooManyPins
from domain.questions import SaidMessage
from domain.room.discussion.message import AboutMessages, MessageEvent
from domain.values import ClientId, RoomId, UserId

MOST_PINS = 50
"""In one room."""


@dataclass(frozen=True, slots=True)
class PinMessage:
    """Pin a message."""

    room_id: RoomId
    user_id: UserId
    message: int
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class UnpinMessage:
    """Take a pinned message down."""

    room_id: RoomId
    user_id: UserId
    message: int
    client_id: ClientId | None = None


class MessagePinned(MessageEvent):
    """A member pinned a message."""

    TOPIC = "message_pinned"
    LABEL = "pinned a message"


class MessageUnpinned(MessageEvent):
    """A member took a pinned message down. A retraction does so, too, without this event."""

    TOPIC = "message_unpinned"
    LABEL = "unpinned a message"


class Pinning(AboutMessages):
    """Which messages are pinned."""

    def pin(self, *, user_id: UserId, said: SaidMessage | None, now: datetime | None = None) -> None:
        """Pin a message. `now`: as for `post`.

        Raises NotAMember, RoomIsArchived, MutedInRoom, NoSuchMessage, RetractedMessage, ErasedMessage, PinnedAlready,
        TooManyPins.
        """
        self.check_may_speak(user_id, now=now)
        said = self._must_be_said(said)
        if said.is_pinned:
            raise PinnedAlready("The message is pinned already.")
        if said.pin_count >= MOST_PINS:
            raise TooManyPins(f"A room has at most {MOST_PINS} pinned messages: take one down first.")
        self.trigger_event(MessagePinned, user_id=user_id, message=said.message)

    def unpin(self, *, user_id: UserId, said: SaidMessage | None, now: datetime | None = None) -> None:
        """Take a message down. Raises NotAMember, RoomIsArchived, MutedInRoom, NoSuchMessage, NotPinned."""
        self.check_may_speak(user_id, now=now)
        if said is None or not said.is_pinned:
            said = self._must_be_said(said)
            raise NotPinned("The message is not pinned.")
        self.trigger_event(MessageUnpinned, user_id=user_id, message=said.message)
