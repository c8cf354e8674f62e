"""What people type to search: words, "a phrase", the beginning of a word with a star, and conditions.

Conditions are `from:` a person, `in:` a room, `before:` and `after:` a day, `has:` a link or a file. All must hold.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from domain.errors import InvalidField
from projections.search.tokens import folded, pair, runs

FIELD = "q"
LIMIT = 500
TERMS = 20
LINK, FILE = HAS = ("link", "file")

TERM = re.compile(r'(?:(from|in|before|after|has):)?("[^"]*"?|\S+)', re.IGNORECASE)


class Wanted(NamedTuple):
    """A token that must be in a text, or the beginning of one."""

    token: str
    is_beginning: bool = False


Phrase = tuple[Wanted, ...]
"""Tokens that must be in a text one after another."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Conditions, all of which must hold. `words` must be in a text."""

    words: tuple[Phrase, ...]
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
    words: list[Phrase] = []
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


def _words(typed: str) -> Phrase:
    """What was typed, as tokens; none where it has neither letters nor digits."""
    found: list[Wanted] = []
    typed_runs = list(runs(typed))
    for number, run in enumerate(typed_runs, start=1):
        word, is_last = folded(run), number == len(typed_runs)
        if word and run.is_unspaced and (len(word) > 1 or not is_last):
            found += [Wanted(a + b) for a, b in pairwise(word)]
            found += [] if is_last else [Wanted(word[-1:])]  # with which a text's own tokens of a run end
        elif word:
            found.append(Wanted(word, is_beginning=run.is_unspaced))
    if found and typed.endswith("*"):
        found[-1] = found[-1]._replace(is_beginning=True)
    return tuple(found)


def condition(phrase: Phrase) -> str:
    """PostgreSQL's condition that a phrase is in a text."""
    pairs = pairs_in(phrase)
    return pairs[0] if pairs and len(phrase) == 2 else " & ".join((*pairs, neighbours(phrase)))


def neighbours(phrase: Phrase) -> str:
    """PostgreSQL's condition that the words of a phrase stand one after another. The index does not know that: texts
    that have all of the words are read.
    """
    words = (quoted(wanted.token) + ":*" * wanted.is_beginning for wanted in phrase)
    return f"({' <-> '.join(words)})"


def pairs_in(phrase: Phrase) -> list[str]:
    """The pairs of short words in a phrase, as conditions that the index knows."""
    whole = [(a.token, b.token) for a, b in pairwise(phrase) if not (a.is_beginning or b.is_beginning)]
    return [quoted(token) for a, b in whole if (token := pair(a, b)) is not None]


def is_of_pairs(phrase: Phrase) -> bool:
    """Whether its pairs hold all of its words, which need not be looked for then."""
    return len(phrase) > 1 and len(pairs_in(phrase)) == len(phrase) - 1


def has_beginning(phrase: Phrase) -> bool:
    """Whether it has only the beginning of a word: the index reads all words that begin so."""
    return any(wanted.is_beginning for wanted in phrase)


def any_of(tokens: Iterable[str]) -> str:
    """PostgreSQL's condition that one of these tokens is there."""
    return f"({' | '.join(map(quoted, tokens))})"


def is_in(phrase: Phrase, tokens: Sequence[str]) -> bool:
    """Whether a phrase is in a text of these tokens."""
    return any(
        all(
            token.startswith(wanted.token) if wanted.is_beginning else token == wanted.token
            for wanted, token in zip(phrase, tokens[start:], strict=False)
        )
        for start in range(len(tokens) - len(phrase) + 1)
    )


def quoted(token: str) -> str:
    """A token in PostgreSQL's notation."""
    if "'" in token or "\\" in token:
        token = token.replace("\\", "\\\\").replace("'", "''")
    return f"'{token}'"


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidField(FIELD, "Write days as 2026-11-24.") from None
