"""Spans of positions, by which a search walks through the index: near ones first, then larger ones. A common word is
answered from the first span, and a rare one in few steps.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from eventstore.values import Position

SPANS = range(12, 31, 3)
"""Positions are in spans of 2**12, 2**15, …"""

FEW_SPANS = SPANS[::2]
"""For searches to which a step costs much."""


class Span(NamedTuple):
    """Positions from `start` to before `end`. All that is there has the token; None where no span holds it all."""

    start: int
    end: int
    token: str | None


def token(bits: int, position: Position) -> str:
    """The token of what was said in the span of 2**bits positions that a position is in."""
    return f":{bits}:{position >> bits}"


def tokens_of(*positions: Position) -> list[str]:
    """The tokens of the spans that hold any of these positions."""
    return list(dict.fromkeys(each for position in positions for each in _of_shortest(position >> SPANS.start)))


@lru_cache(maxsize=100)
def _of_shortest(number: int) -> tuple[str, ...]:
    """The tokens that all positions in a span of the shortest kind have, given by its place among them."""
    return tuple(token(bits, Position(number << SPANS.start)) for bits in SPANS)


def back(end: int, first: int = 0, steps: range = SPANS) -> Iterator[Span]:
    """Positions from `first` to before `end`, the last first. `steps` are some of SPANS."""
    for bits in steps:
        if end <= first:
            return
        start = (end - 1) >> bits << bits
        yield Span(max(first, start), end, token(bits, Position(start)))
        end = start
    if end > first:
        yield Span(first, end, None)


def on(start: int, end: int) -> Iterator[Span]:
    """Positions from `start` to before `end`, the first first."""
    for bits in SPANS:
        if start >= end:
            return
        stop = min(end, ((start >> bits) + 1) << bits)
        yield Span(start, stop, token(bits, Position(start)))
        start = stop
    if start < end:
        yield Span(start, end, None)
