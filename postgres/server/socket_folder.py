"""Where the server's socket is: in the cluster, or, where its path would be too long for a socket, in a short place."""

import contextlib
from pathlib import Path

from postgres.errors import EmbeddedPostgresError
from postgres.server.cluster import Cluster
from postgres.server.temporary_folder import make_private, refuse_unless_ours, temporary

SOCKET = ".s.PGSQL.5432"
PATH_LIMIT = 100
"""Bytes that the path of a unix socket may have, with some room: the kernel's own limit is 107."""


class SocketFolder:
    """The folder of the socket of `cluster`, closed to other accounts."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def place(self) -> Path:
        """The folder, whether it is there or not. Raises EmbeddedPostgresError when it is there and not ours."""
        if self._is_inside:
            return self._cluster.folder
        place = self._short()
        with contextlib.suppress(FileNotFoundError):
            refuse_unless_ours(place, owners={self._cluster.programs.uid}, forbidden=0o077)
        return place

    @property
    def name_for_server(self) -> str:
        """What the server calls it."""
        return self._cluster.programs.name_of(self._cluster.folder) if self._is_inside else str(self._short())

    def make(self) -> None:
        """See that it is there, ours, and empty of what a dead server left. No server may run.

        Raises EmbeddedPostgresError.
        """
        if not self._is_inside:
            make_private(self._short(), owner=self._cluster.programs.uid)
        self._clear()

    def remove(self) -> None:
        """Leave nothing outside the cluster. No server may use it."""
        if not self._is_inside:
            self._clear()
            with contextlib.suppress(OSError):
                self._short().rmdir()

    def _clear(self) -> None:
        """A socket's lock names its server by process id, and a new server would trust it: see PidFile.disown."""
        for name in (SOCKET, f"{SOCKET}.lock"):
            (self.place() / name).unlink(missing_ok=True)

    @property
    def _is_inside(self) -> bool:
        return _fits(self._cluster.folder)

    def _short(self) -> Path:
        """A name that no other cluster of this machine has."""
        cluster = self._cluster.folder.stat()
        place = temporary(f"{cluster.st_dev:x}-{cluster.st_ino:x}")
        if not _fits(place):
            raise EmbeddedPostgresError(f"the path {place} is too long for a socket: set TMPDIR to a shorter one")
        return place


def _fits(folder: Path) -> bool:
    return len(bytes(folder / SOCKET)) <= PATH_LIMIT
