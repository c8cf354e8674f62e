"""Inline projections: read models that are folded inside the transaction that appends."""

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

import asyncpg

from eventstore.errors import NewerFold
from eventstore.log import Recorded, cannot_have_happened
from postgres.calls import Call
from postgres.database import UNAVAILABLE

Holders = dict[str, dict[UUID, str]]
"""The streams that hold each unique value, with the text under which they hold it."""


class InlineProjection(Protocol):
    """Read models that are folded inside the transaction that appends, and what they know of unique values."""

    @property
    def name(self) -> str:
        """Under which its checkpoint is kept."""

    @property
    def session(self) -> dict[str, str]:
        """Settings of the sessions in which it is folded."""

    async def fold(self, batch: Sequence[Recorded[Any]], connection: asyncpg.Connection) -> None:
        """Bring the rows up to the last position in `batch` (ascending)."""

    def folding(self, batch: Sequence[tuple[int, Any]], *, base: Call) -> Call:
        """A call that folds events at these places, counted from the position that `base` returns, and returns that."""

    async def refuse_older(self, connection: asyncpg.Connection) -> None:
        """Raise NewerFold where the rows are those of a newer program.

        An older one may be unable to read that program's events, or to fold them: then this is what is wrong.
        """

    async def holders(self, values: Sequence[str], connection: asyncpg.Connection) -> Holders:
        """The streams that hold these unique values, where there are any."""


async def fold(projection: InlineProjection, page: Sequence[Recorded[Any]], connection: asyncpg.Connection) -> None:
    """Fold events that are in the log already, inside the caller's transaction.

    Raises UnreadableEvent, which names the event, for one that was decoded and cannot have happened.
    """
    await connection.execute("SAVEPOINT page")
    try:
        await projection.fold(page, connection)
    except UNAVAILABLE:
        raise
    except Exception as refused:
        if getattr(refused, "sqlstate", None) == NewerFold.SQLSTATE:
            raise
        await connection.execute("ROLLBACK TO SAVEPOINT page")
        await projection.refuse_older(connection)
        for recorded in page:
            await _fold_one(projection, recorded, connection)
        raise
    await connection.execute("RELEASE SAVEPOINT page")


async def _fold_one(projection: InlineProjection, recorded: Recorded[Any], connection: asyncpg.Connection) -> None:
    try:
        await projection.fold([recorded], connection)
    except UNAVAILABLE:
        raise
    except Exception as error:
        raise cannot_have_happened(recorded, error) from error
