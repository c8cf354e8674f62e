"""What a projection is: the same fold, however it is run (inline, subscriber, rebuild)."""

from collections.abc import Sequence
from typing import Protocol

import asyncpg

from domain.room import Room
from eventstore.log import Recorded


class Projection(Protocol):
    """Folds events into rows. It knows no lifecycle, opens no transaction and never publishes."""

    @property
    def name(self) -> str:
        """Under which its checkpoint is kept."""

    async def fold(self, batch: Sequence[Recorded[Room.Event]], connection: asyncpg.Connection) -> None:
        """Bring the rows up to the last position in `batch` (ascending), inside the caller's transaction."""
