"""Texts as the tokens that are searched: words without case and accents, and pairs of characters in scripts that put no
spaces between words.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby, pairwise
from typing import NamedTuple

UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Japanese syllables
    (0x3400, 0x9FFF),  # Chinese characters
    (0xAC00, 0xD7AF),  # Korean, where particles follow words without a space
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
LONGEST = 100
"""Characters of a token that count."""

SHORT = 3
"""Letters of the commonest words of most languages, at most. Two of them in a row are a token of their own."""

ASCII_WORD = re.compile("[0-9a-z]+")
"""In a text of ASCII alone, which is many times quicker to search."""


class Run(NamedTuple):
    """Characters in a row that belong together: a word, or a text in a script without spaces."""

    text: str
    start: int
    is_unspaced: bool


def runs(text: str) -> Iterator[Run]:
    """The runs of a text, in order."""
    start = 0
    for kind, characters in groupby(text, _kind):
        run = "".join(characters)
        if kind:
            yield Run(run, start, kind == 2)
        start += len(run)


def folded(run: Run) -> str:
    """A run as it is compared: in small letters, and without the marks on letters."""
    if run.is_unspaced:
        return unicodedata.normalize("NFKC", run.text).casefold()[:4000]
    parts = unicodedata.normalize("NFKD", run.text.casefold())
    return "".join(part for part in parts if unicodedata.category(part) != "Mn")[:LONGEST]


def tokens(text: str) -> list[str]:
    """The tokens of a text that is to be found, in order."""
    if text.isascii():
        return [word[:LONGEST] for word in ASCII_WORD.findall(text.lower())]
    found: list[str] = []
    for run in runs(text):
        word = folded(run)
        if run.is_unspaced:
            found += [*(a + b for a, b in pairwise(word)), word[-1:]]
        elif word:
            found.append(word)
    return found


def pair(word: str, following: str) -> str | None:
    """The token of two words in a row, if both are short: so a phrase of common words is found without reading all that
    has its words. None for others, and in scripts without spaces, whose tokens are pairs already.
    """
    if len(word) > SHORT or len(following) > SHORT:
        return None
    is_unspaced = _kind(word[0]) == 2 or _kind(following[0]) == 2
    return None if is_unspaced else f":&{word} {following}"


@lru_cache(maxsize=10_000)
def _kind(character: str) -> int:
    """0: between words; 1: of a word; 2: of a script without spaces."""
    if any(first <= ord(character) <= last for first, last in UNSPACED):
        return 2 if character.isalnum() or unicodedata.category(character)[0] == "M" else 0
    return 1 if character.isalnum() or unicodedata.category(character)[0] == "M" else 0
