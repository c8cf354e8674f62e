"""What a list of hits shows of a message: its text around the first hit, in pieces, hits apart."""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from projections.search.tokens import Run, folded, runs

BEFORE, MOST = 80, 280
"""Characters that are shown before the first hit, and in all."""


class Piece(NamedTuple):
    """A part of a text; `is_hit`: it is what was looked for."""

    text: str
    is_hit: bool


def excerpt(text: str, marked: Sequence[str]) -> list[Piece]:
    """A text around its first hit, with `…` where it was cut. `marked` are words as queries keep them."""
    hits = list(_hits(text, marked))
    first = hits[0][0] if hits else 0
    start = _start_of_word(text, first - BEFORE) if first > BEFORE else 0
    end = min(len(text), start + MOST)
    pieces = [Piece("…", False)] if start else []
    at = start
    for begin, until in hits:
        if until > end:
            break
        pieces += [Piece(text[at:begin], False), Piece(text[begin:until], True)]
        at = until
    pieces.append(Piece(text[at:end] + ("…" if end < len(text) else ""), False))
    return [piece for piece in pieces if piece.text]


def _start_of_word(text: str, at: int) -> int:
    """The place after the next space, if there is one near; else `at`."""
    space = text.find(" ", at, at + BEFORE // 2)
    return space + 1 if space >= 0 else at


def _hits(text: str, marked: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where hits begin and end, in order, none of them in another."""
    for run in runs(text):
        if run.is_unspaced:
            yield from _hits_within(run, [word.removesuffix("*") for word in marked])
        elif any(_is_hit(folded(run), word) for word in marked):
            yield run.start, run.start + len(run.text)


def _is_hit(word: str, wanted: str) -> bool:
    return word.startswith(wanted[:-1]) if wanted.endswith("*") else word == wanted


def _hits_within(run: Run, wanted: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Hits in a text without spaces between words."""
    compared, places = "", []
    for place, character in enumerate(run.text):
        # One character may be compared as several: each of them stands at its place.
        small = unicodedata.normalize("NFKC", character).casefold()
        compared += small
        places += [place] * len(small)
    end = 0
    for begin in range(len(compared)):
        longest = max((len(word) for word in wanted if word and compared.startswith(word, begin)), default=0)
        if longest and places[begin] >= end:
            end = places[begin + longest - 1] + 1
            yield run.start + places[begin], run.start + end
