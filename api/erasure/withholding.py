"""No words are served while the database holds any that the ledger says were erased, as after a backup was restored."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

import asyncpg

from api.core import Core
from api.erasure.account_erasure import returned_users, unwritten_users
from audit.ledger import ErasedUser, LedgerUnavailable, Line
from audit.returned import returned_words
from eventstore.errors import ContentWithheld
from postgres.errors import StoreUnavailable

RECHECK_S = 2.0

log = logging.getLogger(__name__)


async def refuse_returned(lines: Sequence[Line], connection: asyncpg.Connection) -> None:
    """Compare the ledger with the database. Raises ContentWithheld when the latter holds what the former says was
    erased.
    """
    async for _ in returned_words(lines, connection):
        raise ContentWithheld
    if await returned_users([line for line in lines if isinstance(line, ErasedUser)], connection):
        raise ContentWithheld


class Withholding:
    """Keeps the gate of this process: closed until the ledger was compared, and again when the log may have gone back.
    What it finds is logged when it changes.

    `start` looks first, `run` goes on looking.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._gate = core.known.gate
        self._asked = asyncio.Event()
        self._is_withholding = False
        core.known.on_doubt(self._ask)

    async def start(self) -> None:
        """Look, and complete the ledger with what is erased here. Raises LedgerUnavailable, StoreUnavailable."""
        self._gate.close()
        await self._look()
        ledger = self._core.ledger
        await ledger.catch_up()
        async with self._core.database.connection() as connection:
            await ledger.users_erased(await unwritten_users(await ledger.erased_users(), connection))

    async def run(self) -> None:
        """Look again when the log may have gone back, and until what was erased is erased again."""
        while True:
            if self._gate.is_open:
                await self._asked.wait()
            self._asked.clear()
            try:
                await self._look()
            except (LedgerUnavailable, StoreUnavailable) as error:
                log.warning("cannot look for erased words", extra={"reason": str(error)})
            if not self._gate.is_open:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), RECHECK_S)

    def _ask(self) -> None:
        """The log may have gone back: until the ledger was compared, anything may be there again."""
        self._gate.close()
        self._asked.set()

    async def _look(self) -> None:
        closings = self._gate.closings
        lines = await self._core.ledger.lines()
        try:
            async with self._core.database.connection() as connection:
                await refuse_returned(lines, connection)
        except ContentWithheld as error:
            if not self._is_withholding:
                log.error("serving nothing", extra={"reason": str(error)})
            self._is_withholding = True
        else:
            if self._is_withholding:
                log.warning("serving again")
            self._is_withholding = False
            self._gate.open(closings)
