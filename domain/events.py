"""What an event says about itself: code that shows, searches or lists events asks it, and keeps no table of its own."""

from typing import ClassVar, Protocol

from domain.values import UserId
from domain.words import Words


class SelfDescribing(Protocol):
    """What every kind of event has, next to its fields. None of it is stored but the topic."""

    TOPIC: ClassVar[str]
    """Its stored name. It never changes; code may move without touching history."""

    LABEL: ClassVar[str]
    """What people call it. Reads on from the actor's name: "ada joined"."""

    WORDS: ClassVar[str | None]
    """The field of the words that a person typed, at most one. The log keeps it apart, and `sealed` in its place."""

    WORDS_OPTIONAL: ClassVar[bool]
    """Whether an event of this kind may have none: then both that field and `sealed` are None."""

    ERASES: ClassVar[str | None]
    """The field of the versions, in the same stream, whose words go when this is recorded."""

    @property
    def actor(self) -> UserId:
        """Who did it; OPERATOR where no account did."""

    @property
    def words(self) -> Words | None:
        """What a person typed; None where the event has none. Raises WordsNotRead."""

    @property
    def text(self) -> str | None:
        """The words as they are shown: empty where they were erased, None where the event has none."""

    @staticmethod
    def compared(text: str, /) -> str | None:
        """The form in which words of this kind are compared with others; None where they are not."""
