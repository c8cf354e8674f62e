"""What every event of the record of custody is. Each kind stands with its subject: a module of this package."""

from typing import ClassVar

from eventsourcing.domain import Aggregate

from domain.values import UserId
from domain.words import Words, words


class CustodyEventBase(Aggregate.Event):
    """Something in the record. Each kind is `SelfDescribing`, and one of `CustodyEvent`.

    `apply` brings the record up to date. It runs again on every load: no checks, clock or randomness there.
    """

    WORDS: ClassVar[str | None] = None
    WORDS_OPTIONAL: ClassVar[bool] = False
    ERASES: ClassVar[str | None] = None
    user_id: UserId

    @property
    def actor(self) -> UserId:
        """Who did it; OPERATOR at a shell, and where the service did it by itself."""
        return self.user_id

    @property
    def words(self) -> Words | None:
        return None

    @property
    def text(self) -> str | None:
        return self.words.text if self.words is not None else None

    @staticmethod
    def compared(text: str, /) -> str | None:
        return None


class Explained:
    """With the reason that a person gave: words that stand apart from the log. Its fields are those of the event."""

    WORDS: ClassVar[str | None] = "reason"
    reason: str | None
    sealed: str | None

    @property
    def words(self) -> Words:
        return words(self.reason, self.sealed)
