"""server.log, to which a server adds what it says for as long as it runs, kept short.

The server holds the file open and always writes at its end, so its contents are moved away, not the file.
"""

import contextlib
import shutil
from pathlib import Path

LIMIT = 10 * 1024 * 1024
"""Bytes from which on the contents move to server.log.1, in the place of those that moved there before."""


class ServerLog:
    """The log of the server on the cluster in a folder."""

    def __init__(self, cluster: Path) -> None:
        self.file = cluster / "server.log"
        self._former = cluster / "server.log.1"

    @property
    def size(self) -> int:
        try:
            return self.file.stat().st_size
        except FileNotFoundError:
            return 0

    @property
    def is_long(self) -> bool:
        return self.size > LIMIT

    def shorten(self) -> None:
        """Move the contents if there are too many; what the server says in that moment may be lost.

        On a full volume, which they may have filled, they are discarded. Raises OSError when the file is not ours.
        """
        if not self.is_long:
            return
        self._former.unlink(missing_ok=True)
        try:
            shutil.copyfile(self.file, self._former)
            shutil.copystat(self.file, self._former)
        except OSError:
            self._former.unlink(missing_ok=True)
        with self.file.open("r+b") as log:
            log.truncate(0)

    def after(self, begin: int) -> str:
        """What was said beyond the first `begin` bytes."""
        with contextlib.suppress(FileNotFoundError), self.file.open(encoding="utf-8", errors="replace") as log:
            log.seek(begin)
            return log.read()
        return ""
