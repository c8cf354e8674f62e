"""postmaster.pid: which server runs on a cluster, if one does.

The file outlives a server that was killed, and the number in it may belong to another process by then, or to one that
is dead and not yet reaped.
"""

import contextlib
import os
from pathlib import Path

PROCESSES = Path("/proc")
STATUS_LINE = 7
"""Counted from 0: starting, ready, stopping. Source: miscadmin.h of PostgreSQL."""


class PidFile:
    """What the file in the folder `cluster` says, and whether it is still true."""

    def __init__(self, cluster: Path) -> None:
        self._cluster = cluster
        self._file = cluster / "postmaster.pid"

    def server(self) -> int | None:
        """The process id of the server; None when none runs."""
        pid = self._pid()
        return pid if pid is not None and self._is_server(pid) else None

    def is_ready(self) -> bool:
        """Whether a server runs and takes connections."""
        lines = self._lines()
        return len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready" and self.server() is not None

    def disown(self) -> None:
        """Let a new server start although another process now has the id of the dead one.

        PostgreSQL would take that process for its predecessor and refuse to start, unless it is the process that starts
        it: so we write our own id there. The other lines stay: they show PostgreSQL whether a child of the dead server
        still runs.
        """
        pid = self._pid()
        if pid is not None and not self._is_server(pid) and _exists(pid):
            with self._file.open("r+", encoding="utf-8", errors="surrogateescape") as file:
                rest = file.readlines()[1:]
                file.seek(0)
                file.writelines([f"{os.getpid()}\n", *rest])
                file.truncate()

    def _lines(self) -> list[str]:
        try:
            return self._file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        except OSError:
            return []

    def _pid(self) -> int | None:
        lines = self._lines()
        return int(lines[0]) if lines and lines[0].isdecimal() else None

    def _is_server(self, pid: int) -> bool:
        """A server's working folder is its cluster. Where we may not see that (root in a container), its name decides;
        where there is no /proc, that the process exists."""
        if not PROCESSES.joinpath("self").exists():
            return _exists(pid)
        try:
            return (PROCESSES / str(pid) / "cwd").samefile(self._cluster)
        except PermissionError:
            return _is_postgres(pid)
        except OSError:
            return False


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_postgres(pid: int) -> bool:
    with contextlib.suppress(OSError):
        stat = (PROCESSES / str(pid) / "stat").read_text(encoding="utf-8", errors="surrogateescape")
        name, _, rest = stat.partition(" (")[2].rpartition(") ")
        return name == "postgres" and not rest.startswith("Z")
    return False
