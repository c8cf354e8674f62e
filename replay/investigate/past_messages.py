"""Messages as they were at a moment, from the events of their room alone."""

from dataclasses import dataclass, field
from datetime import datetime

from domain.room import Room, RoomEvent
from domain.room.discussion.message import MessageEvent
from domain.values import UserId
from eventstore.values import Version


@dataclass(slots=True)
class PastMessage:
    """A message, and what was done about it by then."""

    added: Room.MessageAdded
    said: Room.MessageAdded | Room.MessageEdited
    """The event with the words that it says: its newest edit, if there is one."""
    retraction: Room.MessageRetracted | None = None
    reactions: dict[str, list[UserId]] = field(default_factory=dict)
    """Who reacted with each emoji, in the order in which they came."""
    is_pinned: bool = False

    @property
    def version(self) -> Version:
        """Which the message is known by."""
        return Version(self.added.originator_version)

    @property
    def user_id(self) -> UserId:
        return self.added.user_id

    @property
    def edited_at(self) -> datetime | None:
        return self.said.timestamp if self.said is not self.added else None

    def apply(self, event: MessageEvent) -> None:
        """Take the next event about it."""
        match event:
            case Room.MessageEdited():
                self.said = event
            case Room.MessageRetracted():
                self.retraction, self.is_pinned = event, False
            case Room.ReactionAdded():
                self.reactions.setdefault(event.emoji, []).append(event.user_id)
            case Room.ReactionRemoved():
                self.reactions[event.emoji].remove(event.user_id)
                if not self.reactions[event.emoji]:
                    del self.reactions[event.emoji]
            case Room.MessagePinned() | Room.MessageUnpinned():
                self.is_pinned = isinstance(event, Room.MessagePinned)


class PastMessages:
    """The messages of a room, by the events so far."""

    def __init__(self) -> None:
        self._messages: dict[int, PastMessage] = {}

    def apply(self, event: RoomEvent) -> None:
        """Take the next event of the room."""
        if isinstance(event, Room.MessageAdded):
            self._messages[event.originator_version] = PastMessage(event, event)
        elif isinstance(event, MessageEvent) and (message := self._messages.get(event.message)) is not None:
            message.apply(event)

    @property
    def all(self) -> list[PastMessage]:
        """Oldest first."""
        return list(self._messages.values())
