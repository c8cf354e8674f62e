"""Keeps the ledger: what is erased is written there before anybody is answered, and looked for at every start."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence, Set
from datetime import datetime
from uuid import UUID

from audit.ledger import ErasedUser, ErasedWords, Ledger, Line
from audit.returned import SLICE, lines_of, returned_words
from eventstore import idempotency_keys
from postgres.database import Database

Place = tuple[UUID, int]
"""A stream and a version in it."""


class LedgerKeeper:
    """Writes the ledger and compares it with the database. `erased` reads where the log says that words are erased.

    Methods raise LedgerUnavailable and StoreUnavailable.
    """

    def __init__(self, ledger: Ledger, database: Database, erased: Callable[[], AsyncIterator[Place]]) -> None:
        self._ledger = ledger
        self._database = database
        self._erased = erased

    async def words_erased(self, stream: UUID, versions: Sequence[int]) -> None:
        """Write that the words of these events are erased."""
        await self._write([(stream, version) for version in versions])

    async def user_erased(self, user_id: int, at: datetime) -> None:
        """Write that the account is erased that has this number at this time."""
        await asyncio.to_thread(self._ledger.append, [ErasedUser(user_id, at)])

    async def users_erased(self, users: Sequence[ErasedUser]) -> None:
        """Write that these accounts are erased."""
        await asyncio.to_thread(self._ledger.append, users)

    async def catch_up(self) -> None:
        """Write the words that a process erased which died before it wrote so.

        A line may be of another event, which had this place in a log that is lost: the commitment tells.
        """
        known = await asyncio.to_thread(self._known)
        places: list[Place] = []
        async for place in self._erased():
            places.append(place)
            if len(places) == SLICE:
                await self._write_missing(places, known)
                places = []
        await self._write_missing(places, known)

    async def lines(self) -> list[Line]:
        """All that the ledger says."""
        return await asyncio.to_thread(lambda: list(self._ledger.read()))

    async def returned(self) -> list[ErasedWords]:
        """What the ledger says is erased and whose words are in the database."""
        lines = await self.lines()
        async with self._database.connection() as connection:
            return [line async for line in returned_words(lines, connection)]

    async def erased_users(self) -> list[ErasedUser]:
        """The accounts that the ledger says are erased."""
        return [line for line in await self.lines() if isinstance(line, ErasedUser)]

    def _known(self) -> set[ErasedWords]:
        return {line for line in self._ledger.read() if isinstance(line, ErasedWords)}

    async def _write_missing(self, places: Sequence[Place], known: Set[ErasedWords]) -> None:
        async with self._database.connection() as connection:
            lines = await lines_of(places, connection)
        await self._write([(line.room, line.version) for line in lines if line not in known])

    async def _write(self, places: Sequence[Place]) -> None:
        """Write that these are erased, once nothing else here keeps what came with the words: keys of clients."""
        if not places:
            return
        async with self._database.connection() as connection:
            await idempotency_keys.remove_for(places, connection)
            lines = await lines_of(places, connection)
        await asyncio.to_thread(self._ledger.append, lines)
