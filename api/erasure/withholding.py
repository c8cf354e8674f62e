"""No words are served while the database holds any that the ledger says were erased, as after a backup was restored."""

import asyncio
import logging

from api.core import Core
from api.erasure.account_erasure import returned_users, unwritten_users
from audit.ledger import LedgerUnavailable
from postgres.errors import StoreUnavailable

RECHECK_S = 2.0

REASON = "words that were erased are in the database again: run `onrecord audit reapply`"

log = logging.getLogger(__name__)


class ContentWithheld(Exception):
    """Nothing is served that may hold erased words."""


class Withholding:
    """Whether this process withholds what the database holds. `start` looks first, `run` goes on looking."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._is_released = asyncio.Event()
        self._asked = asyncio.Event()
        core.known.on_restart(self._ask)

    @property
    def is_withheld(self) -> bool:
        """Whether nothing is served."""
        return not self._is_released.is_set()

    async def released(self) -> None:
        """Wait until the database may be served."""
        await self._is_released.wait()

    async def start(self) -> None:
        """Look, and complete the ledger with what is erased here. Raises LedgerUnavailable, StoreUnavailable."""
        await self._look()
        ledger = self._core.ledger
        await ledger.catch_up()
        await ledger.users_erased(await unwritten_users(await ledger.erased_users(), self._core.database))

    async def run(self) -> None:
        """Look again when the log went back, and until what was erased is erased again."""
        while True:
            if not self.is_withheld:
                await self._asked.wait()
            self._asked.clear()
            try:
                await self._look()
            except (LedgerUnavailable, StoreUnavailable) as error:
                log.warning("cannot look for erased words", extra={"reason": str(error)})
            if self.is_withheld:
                await asyncio.sleep(RECHECK_S)

    def _ask(self) -> None:
        """The log went back: until the ledger was looked at, anything may be there again."""
        self._is_released.clear()
        self._asked.set()

    async def _look(self) -> None:
        words = await self._core.ledger.returned()
        users = await returned_users(await self._core.ledger.erased_users(), self._core.database)
        if not words and not users:
            self._is_released.set()
            return
        self._is_released.clear()
        log.error("serving nothing", extra={"reason": REASON, "texts": len(words), "accounts": len(users)})
