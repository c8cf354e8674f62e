"""What every event of a room is. Each kind stands with its subject: a module of this package."""

from typing import ClassVar

from eventsourcing.domain import Aggregate

from domain.values import UserId
from domain.words import Words


class Event(Aggregate.Event):
    """Something that happened in a room. Each kind is `SelfDescribing`, and one of `RoomEvent`.

    `apply` brings the room up to date. It runs again on every load: no checks, clock or randomness there.
    """

    WORDS: ClassVar[str | None] = None
    WORDS_OPTIONAL: ClassVar[bool] = False
    ERASES: ClassVar[str | None] = None

    @property
    def words(self) -> Words | None:
        return None

    @property
    def text(self) -> str | None:
        return self.words.text if self.words is not None else None

    @property
    def person(self) -> UserId | None:
        """Whom it is about, next to who acted; None where it is about no one else."""
        return None

    @staticmethod
    def compared(text: str, /) -> str | None:
        return None


class UserEvent(Event):
    """Something that a user did, mostly a member."""

    user_id: UserId

    @property
    def actor(self) -> UserId:
        return self.user_id
