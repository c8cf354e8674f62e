"""How a message is taken back. It is hidden, and stays on record: to destroy its words is another matter (erasing)."""

from dataclasses import dataclass

from domain.errors import InvalidField, NotYourMessage
from domain.questions import SaidMessage
from domain.room.discussion.message import AboutMessages, MessageEvent
from domain.room.texts import check_reason
from domain.values import ClientId, RoomId, UserId
from domain.words import Words, words


@dataclass(frozen=True, slots=True)
class RetractMessage:
    """Take a message back; `why` may be empty for a message of one's own."""

    room_id: RoomId
    user_id: UserId
    message: int
    why: str = ""
    client_id: ClientId | None = None


class MessageRetracted(MessageEvent):
    """The author took a message back, or a moderator did. It is hidden from then on, with all its versions."""

    TOPIC = "message_retracted"
    LABEL = "retracted a message"
    WORDS = "why"
    WORDS_OPTIONAL = True
    why: str | None = None
    sealed: str | None = None

    @property
    def words(self) -> Words | None:
        return words(self.why, self.sealed) if self.why is not None or self.sealed is not None else None


class Retracting(AboutMessages):
    """Which messages are taken back."""

    def retract(self, *, user_id: UserId, said: SaidMessage | None, why: str) -> None:
        """Hide a message, for good. Its author may, also while muted or in an archived room; moderators may, with a
        reason.

        Raises InvalidField for a reason over 500 characters, and for none where one is needed; NotAMember,
        NoSuchMessage, RetractedMessage, ErasedMessage, NotYourMessage.
        """
        self._must_have(user_id)
        said = self._must_be_said(said)
        if said.author != user_id and not self.may_moderate(user_id, said.author):
            raise NotYourMessage("Only its author and moderators may retract a message.")
        if said.author != user_id and not why.strip():
            raise InvalidField("why", "Say why: the message is not yours.")
        if why.strip():
            check_reason(why)
        self.trigger_event(MessageRetracted, user_id=user_id, message=said.message, why=why.strip() or None)
