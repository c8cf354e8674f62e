"""Rebuilds that are started from the operations page. They run in this process, in a thread of their own."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

import asyncpg

from postgres.database import Database
from postgres.errors import StoreError, StoreUnavailable
from projections.operator_actions import Operator
from projections.readmodels.projection import RoomsProjection
from replay.progress import Progress
from replay.rebuild.fold import Fold
from replay.rebuild.rebuild import RebuildRefused, Rebuilt, cancel_rebuild, rebuild

SUBJECT = f"rebuild of {RoomsProjection.name}"

log = logging.getLogger(__name__)


class NoRebuild(Exception):
    """No rebuild is running, so none can be cancelled."""


class NotOurRebuild(Exception):
    """The rebuild that is running belongs to another role of the database, whose connections ours may not end."""


class Rebuilds:
    """Starts and cancels rebuilds, and records who did so and how they ended.

    They run on an event loop of their own, in a thread: folding keeps a core busy, and requests would wait for it.
    """

    def __init__(self, fold: Fold, database: Database, dsn: str, loop: asyncio.AbstractEventLoop) -> None:
        self._fold = fold
        self._database = database
        self._dsn = dsn
        self._loop = loop
        self._following: set[asyncio.Task[None]] = set()

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, fold: Fold, database: Database, dsn: str) -> AsyncIterator[Self]:
        """Rebuilds for as long as the block lasts. One that is running then is cancelled, and can be resumed."""
        with _another_loop() as loop:
            rebuilds = cls(fold, database, dsn, loop)
            try:
                yield rebuilds
            finally:
                for task in rebuilds._following:
                    task.cancel()

    async def start(self, operator: Operator, *, restart: bool) -> None:
        """Start a rebuild; returns once it runs. Raises RebuildRefused or StoreError when it cannot."""
        has_begun, this_loop = asyncio.Event(), asyncio.get_running_loop()

        def report(_: Progress) -> None:
            this_loop.call_soon_threadsafe(has_begun.set)

        rebuilding = asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(rebuild(self._fold, self._dsn, report, restart=restart), self._loop)
        )
        beginning = asyncio.create_task(has_begun.wait())
        either: tuple[asyncio.Future[Any], ...] = (beginning, rebuilding)
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        beginning.cancel()
        if not has_begun.is_set():
            await rebuilding  # raises why
        await self._record(operator, "rebuild", RoomsProjection.name)
        following = asyncio.create_task(self._follow(rebuilding, operator))
        self._following.add(following)
        following.add_done_callback(self._following.discard)

    async def cancel(self, operator: Operator) -> None:
        """Cancel the rebuild that is running, in whichever process. Raises NoRebuild, NotOurRebuild."""
        try:
            async with self._database.transaction() as connection:
                if not await cancel_rebuild(connection):
                    raise NoRebuild("No rebuild is running.")
                await operator.record("cancel", SUBJECT, connection)
        except asyncpg.InsufficientPrivilegeError:
            raise NotOurRebuild(
                "Not cancelled: another role of the database runs this rebuild, and the service may not end it. "
                "Stop it with Ctrl-C where it was started."
            ) from None

    async def _follow(self, rebuilding: asyncio.Future[Rebuilt], operator: Operator) -> None:
        """Record how a rebuild ends."""
        try:
            done = await rebuilding
        except StoreUnavailable:
            await self._record(operator, "stopped", f"{SUBJECT}, its connection ended")
            return
        except (RebuildRefused, StoreError) as error:
            await self._record(operator, "stopped", f"{SUBJECT}, {error}")
            return
        except Exception as error:
            log.exception("rebuild stopped")
            await self._record(operator, "stopped", f"{SUBJECT}, {type(error).__name__}: see the server's log")
            return
        how = f"at position {done.position:,}, {done.events:,} events in {done.seconds:.1f} s"
        await self._record(operator, "rebuilt", f"{RoomsProjection.name} {how}")

    async def _record(self, operator: Operator, action: str, subject: str) -> None:
        async with self._database.connection() as connection:
            await operator.record(action, subject, connection)


@contextlib.contextmanager
def _another_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread of its own, for as long as the block lasts; its tasks are cancelled at the end."""
    runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
    loop = runner.get_loop()

    def work() -> None:
        with runner:
            loop.run_forever()

    thread = threading.Thread(target=work, name="rebuild", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
