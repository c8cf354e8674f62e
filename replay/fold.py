"""Folding the log again: the same projection that folds it live, on a connection that finds other tables first."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import asyncpg

from domain.room import TOPICS
from eventstore.append import MOVE_CHECKPOINT
from eventstore.log import Log
from eventstore.mapper import create_mapper
from projections.rooms import RoomsProjection

TABLES = ("rooms", "memberships", "messages")
"""What RoomsProjection keeps."""

KEYS = {
    "rooms": ("room_id",),
    "memberships": ("room_id", "user_id", "joined_version"),
    "messages": ("room_id", "version"),
}
"""Their primary keys."""

LIVE = "public"
"""The schema of the tables that pages are read from."""

LIVE_CHECKPOINT = f"SELECT coalesce((SELECT position FROM {LIVE}.checkpoints WHERE projection = $1), 0)"
HEAD = f"SELECT coalesce(max(notification_id), 0) FROM {LIVE}.stored_events"

PAGE = 2000

projection = RoomsProjection()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fold has come: `position` of `head`, `events` folded by this run."""

    position: int
    head: int
    events: int


Report = Callable[[Progress], None]


def create_log() -> Log:
    """Reads of the events that the projection folds."""
    return Log(create_mapper(), topics=TOPICS)


async def fold_between(
    after: int, to: int, connection: asyncpg.Connection, *, checkpoints: bool
) -> AsyncIterator[tuple[int, int]]:
    """Fold the events beyond `after` up to `to`, a page in a transaction; yields the position of each page's end and
    how many events it held. With `checkpoints`, each transaction also moves the checkpoint that the connection finds.
    """
    log = create_log()
    position = after
    while position < to:
        async with connection.transaction():
            page = await log.between(position, to, limit=PAGE, connection=connection)
            position = page[-1].position if len(page) == PAGE else to
            await projection.fold(page, connection)
            if checkpoints:
                await connection.execute(MOVE_CHECKPOINT, projection.name, position)
        yield position, len(page)
