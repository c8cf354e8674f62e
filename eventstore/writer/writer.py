"""The writer: the one task of a process that appends to the log, many commands in one transaction.

A batch is whatever has gathered while the one before it was being committed and answered. Under the append lock it is
brought up to date with what other processes appended, decided command by command, inserted, folded into the inline
read models and committed. Nothing is appended between a decision and its record: even an INSERT of a program that takes
no lock waits for ours. So there are no version conflicts, and no retries.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from eventsourcing.domain import Aggregate

from eventstore.aggregates import Aggregates
from eventstore.errors import (
    LogRestarted,
    NewerFold,
    OutcomeUnknown,
    StoreBusy,
    StoreRejected,
    UnreadableEvent,
    WordsHeld,
)
from eventstore.writer.append import Append
from eventstore.writer.batch import CommandBatch, fail
from eventstore.writer.commands import PendingCommand
from eventstore.writer.connection import WriterConnection
from postgres.errors import StoreError, StoreUnavailable

A = TypeVar("A", bound=Aggregate)

BATCH = 1000
"""The most commands in one transaction. This bounds how long the lock is held."""

TURNS = 5
"""Turns of the event loop that commands which waited give to those about to follow. An answer goes out in the first;
the next request of its client takes four from the socket to the queue.
"""

IDLE_S = 1.0
"""How often a writer with nothing to do looks for events that other applications appended."""

RESTARTS = 3
"""How often the same commands are decided on a log that went back, before they are refused."""

log = logging.getLogger(__name__)

Observer = Callable[[int, int, float], None]
"""Called after each commit: how many commands, how many events, how many seconds."""


def unobserved(commands: int, events: int, seconds: float) -> None:
    """For writers whose batches are not counted."""


class Writer(Generic[A]):
    """Appends what is submitted, in the order in which it came. Every command is answered within a bounded time.

    `dsn` is the database, `timeout_s` what one transaction may take, `queue_limit` how many commands may wait.
    """

    def __init__(
        self,
        dsn: str,
        append: Append[A],
        aggregates: Aggregates[A],
        *,
        queue_limit: int = 5000,
        timeout_s: float = 5.0,
        observer: Observer = unobserved,
    ) -> None:
        self._append = append
        self._aggregates = aggregates
        self._queue_limit = queue_limit
        self._connection = WriterConnection(dsn, append.session, timeout_s=timeout_s)
        self._observer = observer
        self._queue: deque[PendingCommand[A]] = deque()
        self._stopped_said = ""
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def queue_depth(self) -> int:
        """Commands that wait for the next transaction."""
        return len(self._queue)

    @property
    def is_available(self) -> bool:
        """Whether the last attempt to reach the database, at most a second or a transaction ago, succeeded."""
        return self._connection.is_available

    @property
    def stopped_by(self) -> str | None:
        """The event that the writer cannot fold, and why; None when there is none."""
        return self._connection.stopped_by

    async def start(self) -> None:
        """Fold what was appended while no writer ran, then start taking commands. Raises StoreError."""
        await self._fold_what_others_appended()
        self._task = asyncio.create_task(self._run(), name="writer")

    async def close(self) -> None:
        """Append what waits, then stop. Commands submitted from now on fail."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._connection.close()

    def submit(self, command: PendingCommand[A]) -> None:
        """Take a command; its answer comes after commit. Raises StoreBusy when too many wait, StoreUnavailable."""
        if self._closing:
            raise StoreUnavailable("the service is stopping")
        if len(self._queue) >= self._queue_limit:
            raise StoreBusy("too many commands are waiting")
        self._queue.append(command)
        self._wake.set()

    async def _run(self) -> None:
        while not (self._closing and not self._queue):
            if self._queue:
                await self._write(self._next_commands())
                await self._gather()
            else:
                await self._idle()

    async def _gather(self) -> None:
        """Let callers who have just been answered join those who waited meanwhile: otherwise the two take turns, in
        twice as many transactions. A command that comes to an idle writer is not held up.
        """
        turns = TURNS if self._queue else 0
        for _ in range(turns):
            await asyncio.sleep(0)

    def _next_commands(self) -> list[PendingCommand[A]]:
        """The oldest waiting commands, without those whose callers have gone."""
        commands: list[PendingCommand[A]] = []
        while self._queue and len(commands) < BATCH:
            command = self._queue.popleft()
            if not command.answer.done():
                commands.append(command)
        return commands

    async def _idle(self) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(IDLE_S):
                await self._wake.wait()
        except TimeoutError:
            try:
                await self._fold_what_others_appended()
                self._stopped_said = ""
            except UnreadableEvent as error:
                self._say_stopped(str(error))
            except StoreError as error:
                log.debug("cannot look for events of others", extra={"reason": str(error)})
            except Exception:
                log.exception("cannot fold an event that another application appended")

    def _say_stopped(self, reason: str) -> None:
        """Log it once, for as long as it lasts."""
        if reason != self._stopped_said:
            log.error("stopped by an event that another application appended", extra={"reason": reason})
        self._stopped_said = reason

    async def _fold_what_others_appended(self) -> None:
        is_all = False
        while not is_all:
            async with self._connection.transaction() as connection:
                is_all = await self._append.fold_page(connection)

    async def _write(self, commands: Sequence[PendingCommand[A]]) -> None:
        """Append these commands, and answer every one of them."""
        try:
            await self._in_transaction(commands)
        except (StoreUnavailable, OutcomeUnknown) as error:
            self._fail_all(commands, error)
        except Exception as error:  # one command's rows can spoil a batch: tried alone, only that one fails
            if len(commands) > 1:
                log.warning("batch refused, trying its commands one by one", extra={"reason": type(error).__name__})
            for command in commands:
                await self._write_alone(command)

    async def _write_alone(self, command: PendingCommand[A]) -> None:
        try:
            await self._in_transaction([command])
        except (StoreUnavailable, OutcomeUnknown) as error:
            fail(command, error)
        except Exception as error:
            if getattr(error, "sqlstate", None) == WordsHeld.SQLSTATE:
                fail(command, WordsHeld(str(error)))
                return
            log.exception("command rejected", extra={"stream_id": str(command.slot.stream_id)})
            rejected = StoreRejected(f"the database refused the command ({type(error).__name__})")
            rejected.__cause__ = error
            fail(command, rejected)

    def _fail_all(self, commands: Sequence[PendingCommand[A]], error: StoreError) -> None:
        """Fail these and all that wait behind them: no caller waits out several timeouts while the database is away."""
        for command in commands:
            fail(command, type(error)(str(error)))
        while self._queue:
            fail(self._queue.popleft(), StoreUnavailable("the database is not available"))

    async def _load(self, commands: Sequence[PendingCommand[A]]) -> None:
        """Fill slots that an earlier failure emptied, before the lock is taken."""
        for command in commands:
            if command.needs_aggregate and command.slot.aggregate is None:
                await self._aggregates.load(command.slot)

    async def _in_transaction(self, commands: Sequence[PendingCommand[A]]) -> None:
        """One transaction, attempted again when the connection turns out to have died while it was idle.

        Raises StoreUnavailable, OutcomeUnknown or what the database raised; then the slots are empty.
        """
        was_connected = self._connection.is_open
        try:
            await self._attempt_on_the_log_as_it_is(commands)
        except StoreUnavailable as error:
            if not was_connected or isinstance(error, (NewerFold, UnreadableEvent)):
                raise
            await self._attempt_on_the_log_as_it_is(commands)

    async def _attempt_on_the_log_as_it_is(self, commands: Sequence[PendingCommand[A]]) -> None:
        """One attempt, and another when it turns out that the log went back: all is decided afresh then."""
        for _ in range(RESTARTS):
            try:
                await self._attempt(commands)
                return
            except LogRestarted:
                log.info("deciding again", extra={"commands": len(commands)})
        raise LogRestarted("the log goes back again and again")

    async def _attempt(self, commands: Sequence[PendingCommand[A]]) -> None:
        await self._load(commands)
        batch = CommandBatch(commands)
        started = time.perf_counter()
        try:
            async with self._connection.transaction() as connection:
                positions = await self._append.record(batch, connection)
        except BaseException:
            for slot in batch.slots:
                slot.forget()
            raise
        batch.answer(positions)
        for slot in batch.slots:
            self._aggregates.committed(slot)
        self._observer(len(commands), len(positions), time.perf_counter() - started)
