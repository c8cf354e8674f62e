"""The steps of a command: each write that takes effect in the database, and each file that is published."""

import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import asyncpg
import psycopg

WRITTEN = "SELECT pg_current_wal_insert_lsn()"
ASYNCPG = ("execute", "_execute", "_executemany", "_copy_in")
"""The methods of a connection through which everything goes that can write."""
FILES = ("fsync", "link", "rename", "replace")
"""The calls of the operating system that publish a file, or keep it safe."""


class Steps:
    """Counts the steps of this process. At step `last` it dies, without another word to anybody.

    A step is: just before a commit; after each statement outside a transaction, or after the end of one, by which
    something was written; before and after a file is published; after a program that was run.
    """

    def __init__(self, last: int | None, server: str, look: Callable[[bool], None] | None = None) -> None:
        """`look` is called at each step, and told whether it follows a write: what comes before it can be locked."""
        self.count = 0
        self._last = last
        self._at_step = look
        self._server = psycopg.connect(server, autocommit=True)
        self._written = self._look()

    def watch(self) -> None:
        """Put the steps into the driver of the database and the calls of the operating system, for the rest of this
        process."""
        for name in ASYNCPG:
            setattr(asyncpg.Connection, name, self._watched_call(getattr(asyncpg.Connection, name)))
        for name in FILES:
            setattr(os, name, self._watched_file(getattr(os, name)))
        wait = subprocess.Popen.wait

        def wait_and_step(process: Any, timeout: float | None = None) -> int:
            code: int = wait(process, timeout)
            self._step_if_written()
            return code

        setattr(subprocess.Popen, "wait", wait_and_step)  # noqa: B010 - no type fits it

    def step(self, *, has_written: bool = True) -> None:
        """One step more."""
        self.count += 1
        if self.count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._at_step is not None:
            self._at_step(has_written)

    def _step_if_written(self) -> None:
        if (written := self._look()) != self._written:
            self._written = written
            self.step()

    def _look(self) -> object:
        row = self._server.execute(WRITTEN).fetchone()
        assert row is not None
        return row[0]

    def _watched_call(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def watched(connection: asyncpg.Connection, query: Any, *arguments: Any, **options: Any) -> Any:
            if isinstance(query, str) and query.lstrip().upper().startswith("COMMIT"):
                self.step(has_written=False)
            answer = await call(connection, query, *arguments, **options)
            if not connection.is_closed() and not connection.is_in_transaction():
                self._step_if_written()
            return answer

        return watched

    def _watched_file(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **options: Any) -> Any:
            self.step()
            answer = call(*arguments, **options)
            self.step()
            return answer

        return watched
