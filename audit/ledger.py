"""The ledger of erasures: a file outside the database that says what was erased, so that no backup brings it back.

One JSON object a line. It holds ids and commitments, never words and never names:

    {"room": …, "version": 17, "sealed": …}   the words of one event; `sealed` tells it from any other
    {"user": 7, "at": …}                      an account; `at` tells it from a later one of that number

Lines are only ever added. Several processes may share the file.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from audit.append_only_file import AppendOnlyFile


class LedgerUnavailable(Exception):
    """The ledger cannot be written, or holds a line that is none; the text says which."""


class ErasedWords(Struct, frozen=True):
    """The words of one event are erased. `sealed` is the commitment to them, from the log."""

    room: UUID
    version: int
    sealed: str


class ErasedUser(Struct, frozen=True):
    """An account is erased; accounts created after `at` with this number are of others."""

    user: int
    at: datetime


Line = ErasedWords | ErasedUser


class Ledger:
    """The file."""

    def __init__(self, lines: AppendOnlyFile) -> None:
        self.file = lines.file
        self._lines = lines

    def append(self, lines: Iterable[Line]) -> None:
        """Add lines, and return when they are on the disk. Raises LedgerUnavailable."""
        try:
            self._lines.append(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        except OSError as error:
            raise LedgerUnavailable(f"the ledger {self.file} cannot be written: {error.strerror}") from error

    def read(self) -> Iterator[Line]:
        """All lines, oldest first; none without a file. The piece that an interrupted write left is passed over.

        Raises LedgerUnavailable.
        """
        try:
            for number, text in enumerate(self._lines.lines(), start=1):
                if (line := self._parsed(text, number)) is not None:
                    yield line
        except OSError as error:
            raise LedgerUnavailable(f"the ledger {self.file} cannot be read: {error.strerror}") from error

    def _parsed(self, text: bytes, number: int) -> Line | None:
        try:
            fields = msgspec.json.decode(text)
            if "user" in fields:
                return msgspec.convert(fields, ErasedUser)
            return msgspec.convert(fields, ErasedWords)
        except (msgspec.DecodeError, msgspec.ValidationError, TypeError) as error:
            if not text.rstrip().endswith(b"}"):
                return None
            raise LedgerUnavailable(f"line {number} of the ledger {self.file} is not one of its lines") from error
