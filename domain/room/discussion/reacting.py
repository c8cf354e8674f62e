"""How members react to a message with an emoji."""

from dataclasses import dataclass
from datetime import datetime

from domain.emoji import qualified
from domain.errors import InvalidField, NoSuchReaction, ReactedAlready, TooManyReactions
from domain.questions import SaidMessage
from domain.room.discussion.message import AboutMessages, MessageEvent
from domain.values import ClientId, RoomId, UserId

MOST_EMOJI = 20
"""Different ones, on one message."""


@dataclass(frozen=True, slots=True)
class AddReaction:
    """React to a message with an emoji."""

    room_id: RoomId
    user_id: UserId
    message: int
    emoji: str
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class RemoveReaction:
    """Take a reaction of one's own away."""

    room_id: RoomId
    user_id: UserId
    message: int
    emoji: str
    client_id: ClientId | None = None


class ReactionAdded(MessageEvent):
    """A member reacted to a message. The emoji is one of Unicode's, not a text that was typed: the log holds it."""

    TOPIC = "reaction_added"
    LABEL = "reacted to a message"
    emoji: str


class ReactionRemoved(MessageEvent):
    """A member took a reaction away."""

    TOPIC = "reaction_removed"
    LABEL = "took a reaction away"
    emoji: str


class Reacting(AboutMessages):
    """Who reacted to which message."""

    def react(self, *, user_id: UserId, said: SaidMessage | None, emoji: str, now: datetime | None = None) -> None:
        """Add a reaction: one of each emoji and user. `now`: as for `post`.

        Raises InvalidField for what is no emoji; NotAMember, RoomIsArchived, MutedInRoom, NoSuchMessage,
        RetractedMessage, ErasedMessage, ReactedAlready, TooManyReactions.
        """
        if (spelt_out := qualified(emoji)) is None:
            raise InvalidField("emoji", "Use one emoji of Unicode's.")
        self.check_may_speak(user_id, now=now)
        said = self._must_be_said(said)
        if spelt_out in said.own_emoji:
            raise ReactedAlready("You reacted with this emoji already.")
        if spelt_out not in said.emoji and len(said.emoji) >= MOST_EMOJI:
            raise TooManyReactions(f"A message has at most {MOST_EMOJI} different emoji.")
        self.trigger_event(ReactionAdded, user_id=user_id, message=said.message, emoji=spelt_out)

    def take_back_reaction(self, *, user_id: UserId, said: SaidMessage | None, emoji: str) -> None:
        """Remove a reaction; who is muted may.

        Raises NotAMember, RoomIsArchived, NoSuchMessage, RetractedMessage, ErasedMessage, NoSuchReaction.
        """
        self._must_have(user_id)
        self.must_be_open()
        said = self._must_be_said(said)
        spelt_out = qualified(emoji)
        if spelt_out not in said.own_emoji:
            raise NoSuchReaction("You did not react with this emoji.")
        self.trigger_event(ReactionRemoved, user_id=user_id, message=said.message, emoji=spelt_out)
