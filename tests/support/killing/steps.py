"""The steps of a command: each write that takes effect in the database, and each file that is published."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from typing import IO, Any, Literal

import asyncpg
import psycopg

WRITTEN = "SELECT pg_current_wal_insert_lsn()"
ASYNCPG = ("execute", "_execute", "_executemany", "_copy_in")
"""The methods of a connection through which everything goes that can write."""
FILES = ("fsync", "link", "rename", "replace")
"""The calls of the operating system that publish a file, or keep it safe."""


Kind = Literal["written", "before a commit", "halfway"]
"""Before a commit nothing has changed, and what will may be locked. Halfway, a program has half of its input."""


class Steps:
    """Counts the steps of this process. At step `last` it dies, without another word to anybody.

    A step is: just before a commit; after each statement outside a transaction, or after the end of one, by which
    something was written; before and after a file is published; after a program that was run, and while it reads.
    """

    def __init__(self, last: int | None, server: str, look: Callable[[Kind], None] | None = None) -> None:
        """`look` is called at each step."""
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

        shutil.copyfileobj = self._copy_halfway  # type: ignore[assignment]
        setattr(subprocess.Popen, "wait", wait_and_step)  # noqa: B010 - no type fits it

    def step(self, kind: Kind = "written") -> None:
        """One step more."""
        self.count += 1
        if self.count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._at_step is not None:
            self._at_step(kind)

    def _step_if_written(self) -> None:
        if (written := self._look()) != self._written:
            self._written = written
            self.step()

    def _look(self) -> object:
        row = self._server.execute(WRITTEN).fetchone()
        assert row is not None
        return row[0]

    def _copy_halfway(self, source: IO[bytes], target: IO[bytes], length: int = 0) -> None:
        data = source.read()
        target.write(data[: len(data) // 2])
        target.flush()
        self.step("halfway")
        target.write(data[len(data) // 2 :])

    def _watched_call(self, call: Callable[..., Any]) -> Callable[..., Any]:
        async def watched(connection: asyncpg.Connection, query: Any, *arguments: Any, **options: Any) -> Any:
            if isinstance(query, str) and query.lstrip().upper().startswith("COMMIT"):
                self.step("before a commit")
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
