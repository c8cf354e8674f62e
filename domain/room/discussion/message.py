"""What holds for everything that is done about a message."""

from domain.errors import ErasedMessage, NoSuchMessage, RetractedMessage
from domain.questions import SaidMessage
from domain.room.event import UserEvent
from domain.room.state import RoomState


class MessageEvent(UserEvent):
    """Something that happened to a message: `message` is the version of the room that added it."""

    message: int


class AboutMessages(RoomState):
    """Commands about a message: the read models tell what was said, since rooms do not remember it."""

    @staticmethod
    def _must_be_said(said: SaidMessage | None) -> SaidMessage:
        """Raises NoSuchMessage, RetractedMessage, ErasedMessage."""
        if said is None:
            raise NoSuchMessage("There is no such message in this room.")
        if said.is_retracted:
            raise RetractedMessage("The message was retracted.")
        if said.is_erased:
            raise ErasedMessage("The message was erased.")
        return said
