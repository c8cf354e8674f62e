"""The files of messages in a file of a log, checked as they are read."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any
from uuid import UUID

import msgspec

from domain.room import Room
from replay.archive.file_line import FILE, PIECE, FileLine, MovedFile, PieceLine

Naming = tuple[UUID, int]
"""A message, by its stream and version."""


class FileRefused(Exception):
    """A file is not what its line or its event says; the text says which."""


class FilesRead:
    """Takes lines about files in order. `done` are those whose bytes were all there, with their SHA-256."""

    def __init__(self) -> None:
        self.done: list[MovedFile] = []
        self._file: MovedFile | None = None
        self._left = 0
        self._digest = hashlib.sha256()

    def add(self, line: bytes) -> None:
        """Take the next line. Raises FileRefused."""
        if line.startswith(FILE):
            self.end()
            self._file = msgspec.json.decode(line, type=FileLine).file
            if self.done and self._file.upload_id <= self.done[-1].upload_id:
                raise FileRefused(f"file {self._file.upload_id} does not come after {self.done[-1].upload_id}")
            self._left, self._digest = self._file.size, hashlib.sha256()
            return
        piece = msgspec.json.decode(line, type=PieceLine).piece
        self._left -= len(piece)
        if self._file is None or self._left < 0:
            raise FileRefused("there are bytes that belong to no file")
        self._digest.update(piece)

    def end(self) -> None:
        """No more lines come of the file under way. Raises FileRefused."""
        if self._file is None:
            return
        if self._left or self._digest.hexdigest() != self._file.sha256:
            raise FileRefused(f"the bytes of file {self._file.upload_id} are not those of its event")
        self.done.append(self._file)
        self._file = None


@dataclass(slots=True)
class NamedFiles:
    """What events say of files: what each is, and which messages name it."""

    about: dict[UUID, tuple[Any, ...]] = field(default_factory=dict)
    naming: dict[UUID, list[Naming]] = field(default_factory=dict)

    def add(self, event: object) -> bool:
        """Take in an event; returns whether it names files."""
        if not isinstance(event, Room.MessageAdded) or not event.attachments:
            return False
        for each in event.attachments:
            upload_id = UUID(each["id"])
            said = (each["sha256"], each["size"], each["media_type"], each["width"], each["height"])
            self.about.setdefault(upload_id, (event.originator_id, event.user_id, *said))
            self.naming.setdefault(upload_id, []).append((event.originator_id, event.originator_version))
        return True

    def check(self, file: MovedFile) -> None:
        """Raises FileRefused unless an event says of a file what its line says."""
        said = (file.sha256, file.size, file.media_type, file.width, file.height)
        if self.about.get(file.upload_id) != (file.room_id, file.user_id, *said):
            raise FileRefused(f"no event says of file {file.upload_id} what its line says")

    def alive(self, gone: set[Naming]) -> set[UUID]:
        """The files that a message names whose words are not among the `gone`."""
        return {upload_id for upload_id, places in self.naming.items() if not gone.issuperset(places)}


def pieces_of(lines: IO[bytes]) -> Iterator[tuple[MovedFile, Iterator[bytes]]]:
    """The files of a file that was checked, each with its bytes, which are read before the next one."""
    line = next((line for line in lines if line.startswith(FILE)), b"")
    while line.startswith(FILE):
        rest = _Pieces(lines)
        yield msgspec.json.decode(line, type=FileLine).file, rest
        for _ in rest:
            pass
        line = rest.following


class _Pieces(Iterator[bytes]):
    """The bytes of one file; `following` is the line after them."""

    def __init__(self, lines: IO[bytes]) -> None:
        self._lines = lines
        self.following = b""

    def __next__(self) -> bytes:
        if self.following:
            raise StopIteration
        line = self._lines.readline()
        if not line.startswith(PIECE):
            self.following = line
            raise StopIteration
        return msgspec.json.decode(line, type=PieceLine).piece
