"""What people type to search: words, "a phrase", the beginning of a word with a star, and conditions.

Conditions are `from:` a person, `in:` a room, `before:` and `after:` a day, `has:` a link. All must hold.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from domain.errors import InvalidField
from projections.search.tokens import folded, runs

FIELD = "q"
LIMIT = 500
TERMS = 20
HAS = ("link",)

TERM = re.compile(r'(?:(from|in|before|after|has):)?("[^"]*"?|\S+)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Conditions, all of which must hold. `words` are PostgreSQL's: what must be in a text."""

    words: tuple[str, ...]
    people: tuple[str, ...] = ()
    rooms: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    after: datetime | None = None
    before: datetime | None = None
    marked: tuple[str, ...] = ()
    """The words themselves, as they are compared, to mark them; a star at the end stands for the rest."""


def parse(text: str) -> SearchQuery:
    """What was asked for. Raises InvalidField for a query without a condition, and for one that cannot be met."""
    if len(text) > LIMIT:
        raise InvalidField(FIELD, f"Ensure this field has no more than {LIMIT} characters.")
    words: list[str] = []
    marked: list[str] = []
    people, rooms, has = [], [], []
    since = until = None
    terms = TERM.findall(text)
    if len(terms) > TERMS:
        raise InvalidField(FIELD, f"Ask for no more than {TERMS} things at once.")
    for condition, typed in terms:
        value = typed.strip('"')
        match condition.lower():
            case "from":
                people.append(value.removeprefix("@"))
            case "in":
                rooms.append(value.removeprefix("#"))
            case "has" if value.lower() in HAS:
                has.append(value.lower())
            case "has":
                raise InvalidField(FIELD, f"has: takes {' or '.join(HAS)}.")
            case "before":
                until = _day(value)
            case "after":
                since = _day(value) + timedelta(days=1)
            case _ if required := _words(value):
                words.append(required)
                marked += [folded(run) for run in runs(value)]
                marked[-1] += "*" * value.endswith("*")
    if not (words or people or rooms or has or since or until):
        raise InvalidField(FIELD, "Type a word to look for.")
    return SearchQuery(tuple(words), tuple(people), tuple(rooms), tuple(has), since, until, tuple(marked))


def _words(typed: str) -> str:
    """PostgreSQL's condition that what was typed is in a text: its tokens one after another; empty without any."""
    found: list[str] = []
    for run in runs(typed):
        word = folded(run)
        if run.is_unspaced:
            found += [quoted(a + b) for a, b in pairwise(word)] if len(word) > 1 else [f"{quoted(word)}:*"]
        elif word:
            found.append(quoted(word))
    if found and typed.endswith("*") and not found[-1].endswith("*"):
        found[-1] += ":*"
    return " <-> ".join(found)


def quoted(token: str) -> str:
    """A token in PostgreSQL's notation."""
    return "'" + token.replace("\\", "\\\\").replace("'", "''") + "'"


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidField(FIELD, "Write days as 2026-11-24.") from None
