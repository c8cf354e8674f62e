"""Inline projections: read models that are folded inside the transaction that appends."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import asyncpg

from eventstore.errors import NewerFold
from eventstore.log import Recorded, cannot_have_happened
from postgres.calls import Call
from postgres.database import UNAVAILABLE


class Facts(Protocol):
    """What the read models answered to the questions of a batch, under the append lock.

    Events that the batch decides change the answers to the questions behind them.
    """

    def answer(self, question: Any, /) -> Any:
        """The answer to one of the questions that were asked, as of the last event added."""

    def add(self, event: Any, /) -> None:
        """Take in an event that the batch decided, of whatever stream."""


class InlineProjection(Protocol):
    """Read models that are folded inside the transaction that appends, and answer what decisions ask of them."""

    @property
    def name(self) -> str:
        """Under which its checkpoint is kept."""

    @property
    def session(self) -> dict[str, str]:
        """Settings of the sessions in which it is folded."""

    def folding(self, batch: Sequence[tuple[int, Any]], *, base: Call | int) -> Call:
        """A call that folds events at these places (ascending), counted from the position `base`, and returns that."""

    def in_bulk(self, connection: asyncpg.Connection) -> AbstractAsyncContextManager[None]:
        """Within it the log is folded page after page over this connection; what can be counted at its end is."""

    async def refuse_older(self, connection: asyncpg.Connection) -> None:
        """Raise NewerFold where the rows are those of a newer program.

        An older one may be unable to read that program's events, or to fold them: then this is what is wrong.
        """

    async def facts(self, questions: Sequence[Any], connection: asyncpg.Connection) -> Facts:
        """Answer these questions, in one round trip for all of a kind. The caller holds the append lock."""


def prepare(projection: InlineProjection, page: Sequence[Recorded[Any]]) -> Call | None:
    """The call that folds a page; None where there is nothing to fold, or an event in it that `fold` will name."""
    try:
        return _folding(projection, page) if page else None
    except Exception:  # of events that cannot have happened
        return None


async def fold(
    projection: InlineProjection,
    page: Sequence[Recorded[Any]],
    connection: asyncpg.Connection,
    prepared: Call | None = None,
) -> None:
    """Fold events that are in the log already, inside the caller's transaction; `prepared` is the call if there is one.

    Raises UnreadableEvent, which names the event, for one that was decoded and cannot have happened.
    """
    if not page:
        return
    await connection.execute("SAVEPOINT page")
    try:
        await (prepared or _folding(projection, page)).fetch(connection)
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
        await _folding(projection, [recorded]).fetch(connection)
    except UNAVAILABLE:
        raise
    except Exception as error:
        raise cannot_have_happened(recorded, error) from error


def _folding(projection: InlineProjection, page: Sequence[Recorded[Any]]) -> Call:
    return projection.folding([(recorded.position, recorded.event) for recorded in page], base=0)
