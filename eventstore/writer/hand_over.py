"""What the writer of this process has just committed, handed to those in the same process who follow the log.

It spares them reading it back, and promises nothing: what is handed over may be lost, late or out of order, and what
others append is never handed over. So a taker compares `after` with what it has, and reads the log where they differ.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from eventstore.log import Stored
from eventstore.values import Position

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Appended:
    """What one transaction appended, with its words, ascending; committed.

    `after` was the end of the log when the transaction took the append lock. As nothing else is appended under the
    lock, there is nothing between `after` and the first of `events`, whatever gap their positions show, and nothing
    among them. `generation` is that of the log. `backend` is the process id of the PostgreSQL session that appended.
    `committed_at` is the time of the commit, in seconds of this machine's monotonic clock.
    """

    after: Position
    events: Sequence[Stored[Any]]
    generation: int
    backend: int
    committed_at: float

    @property
    def to(self) -> Position:
        """The position of the last event: the end of the log now, unless others have appended since."""
        return self.events[-1].position


class HandOver:
    """Where takers register, and where the writer tells them."""

    def __init__(self) -> None:
        self._takers: list[Callable[[Appended], None]] = []

    def on_append(self, take: Callable[[Appended], None]) -> None:
        """Have `take` called after each commit, before the commands are answered. It must not wait."""
        self._takers.append(take)

    def tell(self, appended: Appended) -> None:
        """Hand it to every taker. The events are in the log already: a taker that fails must not make commands fail."""
        for take in self._takers:
            try:
                take(appended)
            except Exception:
                log.exception("what was appended could not be handed over", extra={"position": appended.to})
