"""Words that a person typed: a message, a name. The log holds a commitment to them; they stand apart from it.

So they can be erased while the log stays as it is. Words in events of class version 1, and in those that other
applications record, are in the log itself, and stay.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Present:
    """Words that stand apart from the log, and can be erased."""

    text: str


@dataclass(frozen=True, slots=True)
class Plain:
    """Words in the log itself, which cannot be erased."""

    text: str


@dataclass(frozen=True, slots=True)
class Erased:
    """Words that were erased: the log only says that there was a text."""

    @property
    def text(self) -> str:
        """What is shown in their place."""
        return ""


Words = Present | Plain | Erased

GONE = "\x00"
"""What an event that was read holds instead of words that were erased: no text that is kept has this character."""


class WordsNotRead(Exception):
    """The event was read without its words, to be folded or applied, and is shown to people: a defect."""


def words(text: str | None, sealed: str | None) -> Words:
    """The words of an event from its fields: `sealed` is the commitment, None where the log holds the text itself.

    A message of files alone has an empty text. Raises WordsNotRead.
    """
    if text is None:
        raise WordsNotRead
    if sealed is None:
        return Plain(text)
    return Erased() if text == GONE else Present(text)
