"""How far a long pass over the log has come."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pass over the log has come: `done` of `total`, with `events` done by this run.

    `done` and `total` are positions, or bytes where the number of events is not known before.
    """

    done: int
    total: int
    events: int


Report = Callable[[Progress], None]


def unwatched(_: Progress) -> None:
    """For callers that show no progress."""
