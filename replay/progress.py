"""How far something that takes a while has come."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pass over the log has come: at `position` of `head`, with `events` done by this run."""

    position: int
    head: int
    events: int


Report = Callable[[Progress], None]


def unwatched(_: Progress) -> None:
    """For callers that show no progress."""
