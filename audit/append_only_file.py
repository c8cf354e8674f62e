"""A file outside the database that lines are only ever added to. Several processes may share it."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class AppendOnlyFile:
    """The file. Its folder exists; the file is created with the first line, for its owner alone to read.

    Methods raise OSError.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def append(self, lines: bytes) -> None:
        """Add lines, each with its newline, and return when they are on the disk.

        What an interrupted write left without its end is completed to a line of its own first.
        """
        if not lines:
            return
        descriptor = os.open(self.file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if (size := os.fstat(descriptor).st_size) and os.pread(descriptor, 1, size - 1) != b"\n":
                lines = b"\n" + lines
            while lines:
                lines = lines[os.write(descriptor, lines) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._sync_folder()

    def lines(self) -> Iterator[bytes]:
        """All lines, oldest first; none without a file."""
        try:
            with self.file.open("rb") as file:
                yield from file
        except FileNotFoundError:
            return

    def last_lines(self, *, within: int) -> list[bytes]:
        """The whole lines among the last `within` bytes, oldest first; none without a file."""
        try:
            with self.file.open("rb") as file:
                start = max(0, file.seek(0, os.SEEK_END) - within)
                file.seek(start)
                lines = file.readlines()
        except FileNotFoundError:
            return []
        return lines[1:] if start else lines

    def _sync_folder(self) -> None:
        folder = os.open(self.file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
