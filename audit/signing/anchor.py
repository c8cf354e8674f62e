"""The anchor: a file outside the database that says what was signed, so that no second history is signed.

Each line is one JSON object with the note of a checkpoint, added and synced before the checkpoint is published:

    {"epoch": 1, "note": "chat.example/audit/1\\n744\\n…"}
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec
from msgspec import Struct

from audit.append_only_file import AppendOnlyFile
from audit.signing.checkpoint import Checkpoint
from audit.signing.notes import BadNote, parse_note

LONGEST_LINES = 1 << 16
"""More bytes than the last lines have, an interrupted one among them."""


class AnchorUnavailable(Exception):
    """The anchor cannot be read or written, or a line of it is none; the text says which."""


class Anchored(Struct, frozen=True):
    """A checkpoint that was signed."""

    epoch: int
    note: str

    @property
    def checkpoint(self) -> Checkpoint:
        """What was signed. Raises BadNote."""
        return Checkpoint.parse(parse_note(self.note).text)


class AnchorFile:
    """The file."""

    def __init__(self, lines: AppendOnlyFile) -> None:
        self._lines = lines

    def append(self, anchored: Anchored) -> None:
        """Add a checkpoint; return when it is on the disk. Raises AnchorUnavailable."""
        try:
            self._lines.append(msgspec.json.encode(anchored) + b"\n")
        except OSError as error:
            raise AnchorUnavailable(f"the anchor {self._lines.file} cannot be written: {error.strerror}") from error

    def newest(self) -> Anchored | None:
        """The checkpoint signed last. Raises AnchorUnavailable."""
        return next(self._parsed(lambda: reversed(self._lines.last_lines(within=LONGEST_LINES))), None)

    def read(self) -> list[Anchored]:
        """Every checkpoint that was signed, oldest first. The piece that an interrupted write left is passed over.

        Raises AnchorUnavailable.
        """
        return list(self._parsed(self._lines.lines))

    def _parsed(self, read: Callable[[], Iterable[bytes]]) -> Iterator[Anchored]:
        try:
            for line in read():
                if (anchored := self._line(line)) is not None:
                    yield anchored
        except OSError as error:
            raise AnchorUnavailable(f"the anchor {self._lines.file} cannot be read: {error.strerror}") from error

    def _line(self, line: bytes) -> Anchored | None:
        try:
            anchored = msgspec.json.decode(line, type=Anchored)
            Checkpoint.parse(parse_note(anchored.note).text)
        except (msgspec.MsgspecError, BadNote) as error:
            if not line.rstrip().endswith(b"}"):
                return None
            raise AnchorUnavailable(f"the anchor {self._lines.file} has a line that is not one of its own") from error
        return anchored
