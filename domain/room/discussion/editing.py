"""How the author changes what a message says. Every version stays on record."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from domain.errors import EditWindowOver, InvalidField, NotYourMessage, TooManyEdits
from domain.questions import SaidMessage
from domain.room.discussion.message import AboutMessages, MessageEvent
from domain.room.mentioning import Mentioning
from domain.room.texts import check_content
from domain.values import ClientId, RoomId, UserId
from domain.words import Words, words

MOST_EDITS = 100
"""Of one message."""


@dataclass(frozen=True, slots=True)
class EditMessage:
    """Give a message of one's own other words."""

    room_id: RoomId
    user_id: UserId
    message: int
    content: str
    client_id: ClientId | None = None


class MessageEdited(MessageEvent):
    """The author of a message gave it other words. `mentions` are the members whom these are the first to name."""

    TOPIC = "message_edited"
    LABEL = "edited a message"
    WORDS = "content"
    content: str | None = None
    sealed: str | None = None
    mentions: list[int] | None = None

    @property
    def words(self) -> Words:
        return words(self.content, self.sealed)


class Editing(AboutMessages, Mentioning):
    """What messages say now."""

    def edit(
        self,
        *,
        user_id: UserId,
        said: SaidMessage | None,
        content: str,
        is_in_time: bool,
        now: datetime | None = None,
        named: Collection[UserId] = (),
    ) -> None:
        """Record `content`, kept exactly as sent, as what a message of `user_id` says from now on; its files stay.
        `is_in_time`: the installation still allows it. `now` and `named`: as for `post`. An edit adds mentions and
        takes none away.

        Raises InvalidField for content that cannot be a message, and for what it says already; NotAMember,
        RoomIsArchived, MutedInRoom, NoSuchMessage, RetractedMessage, ErasedMessage, NotYourMessage, EditWindowOver,
        TooManyEdits.
        """
        check_content(content, has_files=said is not None and said.has_files)
        self.check_may_speak(user_id, now=now)
        said = self._must_be_said(said)
        if said.author != user_id:
            raise NotYourMessage("Only its author may edit a message.")
        if not is_in_time:
            raise EditWindowOver("The time to edit this message is over.")
        if content == said.content:
            raise InvalidField("content", "The message says this already.")
        if said.edit_count >= MOST_EDITS:
            raise TooManyEdits(f"A message may be edited {MOST_EDITS} times.")
        mentions = self.mentions(user_id, set(named) - said.mentions)
        self.trigger_event(MessageEdited, user_id=user_id, message=said.message, content=content, mentions=mentions)
