"""A database cluster in a folder, created completely or not at all, and the server on it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from postgres.errors import EmbeddedPostgresError
from postgres.server.pid_file import PidFile
from postgres.server.programs import Programs, reason_for
from postgres.server.server_log import ServerLog

SUPERUSER = "onrecord"
DATABASE = "onrecord"
IN_USE = "shared memory block"
"""Part of a server's message when processes of its killed predecessor still run."""


class StillInUse(EmbeddedPostgresError):
    """A child of a killed server still runs: it ends with its current statement."""


class Cluster:
    """The cluster in `folder`. Callers make sure that only one process at a time changes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = Programs(folder)
        self.pid_file = PidFile(folder)
        self.log = ServerLog(folder)

    @property
    def exists(self) -> bool:
        return (self.folder / "PG_VERSION").exists()

    def create(self) -> None:
        """Create the cluster and its empty database under another name, and rename it when it is complete."""
        fresh = Path(tempfile.mkdtemp(prefix=f"{self.folder.name}.new-", dir=self.folder.parent))
        try:
            self.programs.hand_over(fresh)
            self._initialise(fresh)
            fresh.rename(self.folder)
            _sync(self.folder.parent)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def remove_leftovers(self) -> None:
        """Remove what is left of a `create` that was killed."""
        for unfinished in self.folder.parent.glob(f"{self.folder.name}.new-*"):
            shutil.rmtree(unfinished, ignore_errors=True)

    def start(self, settings: Mapping[str, str]) -> "StartedServer":
        """Start a server, which is ready when the pid file says so."""
        self.pid_file.disown()
        self.log.shorten()
        begin = self.log.size
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        data = self.programs.name_of(self.folder)
        process = self.programs.start_server("-D", data, *flags, folder=self.folder, log=self.log.file)
        return StartedServer(process, self.log, begin)

    def _initialise(self, fresh: Path) -> None:
        data = self.programs.name_of(fresh)
        options = ("--no-clean", "--username", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C")
        self.programs.run("initdb", "-D", data, *options, folder=fresh)
        alone = ("--single", "-D", data, "-c", "exit_on_error=on", "postgres")
        self.programs.run("postgres", *alone, folder=fresh, given=f"CREATE DATABASE {DATABASE}\n")


class StartedServer:
    """A server that this process started; `begin` is where its part of the log begins."""

    def __init__(self, process: subprocess.Popen[bytes], log: ServerLog, begin: int) -> None:
        self.pid = process.pid
        self._process = process
        self._log = log
        self._begin = begin

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def refuse_ended(self) -> None:
        """Raises StillInUse or another EmbeddedPostgresError, with the reason, when the server has ended."""
        if self.has_ended:
            reason = self._reason()
            kind = StillInUse if IN_USE in reason else EmbeddedPostgresError
            raise kind(f"PostgreSQL does not start: {reason} (more in {self._log.file})")

    def leave_running(self) -> None:
        """Leave it to its other users: it outlives this process, without the warning of Popen for such children."""
        self._process.returncode = 0

    def _reason(self) -> str:
        return reason_for(self._log.after(self._begin), self._process.returncode, self._log.file.parent)


def _sync(folder: Path) -> None:
    """Make the names in `folder` survive a loss of power (fsync)."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
