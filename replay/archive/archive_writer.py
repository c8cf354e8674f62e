"""Write the file that `archive_reader` reads, page by page, so that an interrupted export can be resumed."""

import bz2
import gzip
import hashlib
import lzma
import os
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import msgspec
from msgspec import Struct

from eventstore.values import LOG_START, Position
from replay.archive.account_line import Account, AccountLine
from replay.archive.archive_reader import (
    DAMAGED,
    FORMAT,
    VERSION,
    VERSION_WITH_ACCOUNTS,
    VERSION_WITH_FILES,
    Event,
    Header,
    Line,
    Manifest,
    open_archive,
)
from replay.archive.file_line import PIECE_BYTES, FileLine, MovedFile, PieceLine

COMPRESS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}
"""How to compress a page, by the file's suffix. In all three formats, concatenated streams read as one."""


class Written(Struct, frozen=True):
    """How much of a partial file is complete: its bytes, the events in them, and the position of the first event."""

    bytes: int
    first: Position
    events: int


class ArchiveWriter:
    """Writes a partial file next to `file` and renames it on `finish`. An interrupted export resumes from it.

    `last_event` is the last event in the partial file, or None. A file that is to hold accounts is readable by its
    owner only, from its first byte on.
    """

    def __init__(
        self, file: Path, *, with_accounts: bool = False, with_content: bool = True, with_files: bool = False
    ) -> None:
        self._file = file
        self._header = _header(with_accounts=with_accounts, with_content=with_content, with_files=with_files)
        self._mode = 0o600 if with_accounts else 0o666
        self._accounts = 0 if with_accounts else None
        self._files = 0 if with_files else None
        self._partial = file.with_name(f".{file.name}.partial")
        self._written = file.with_name(f".{file.name}.written")
        self._compress = COMPRESS.get(file.suffix, bytes)
        self._encoder = msgspec.json.Encoder()
        self._output: IO[bytes] | None = None
        try:
            self._resume()
        except (FileNotFoundError, *DAMAGED):
            self.start_over()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._output is not None:
            self._output.close()

    def _resume(self) -> None:
        """Resume from the partial file. Raises FileNotFoundError without one, one of `DAMAGED` if it is not usable."""
        written = msgspec.json.decode(self._written.read_bytes(), type=Written)
        with self._partial.open("r+b") as partial:
            partial.truncate(written.bytes)
        self._digest, self._first, self._events = hashlib.sha256(), written.first, written.events
        line, events = b"", 0
        with self._partial.open("rb") as file, open_archive(file, suffix=self._file.suffix) as lines:
            header = lines.readline()
            self._digest.update(header)
            for line in lines:
                self._digest.update(line)
                events += 1
        if msgspec.json.decode(header, type=Header) != self._header or not 0 < events == written.events:
            raise EOFError
        self.last_event: Event | None = msgspec.json.decode(line, type=Line).event
        self._lines: list[bytes] = []
        self._output = self._partial.open("ab")

    def start_over(self) -> None:
        """Discard the partial file and start a new one."""
        if self._output is not None:
            self._output.close()
        self._written.unlink(missing_ok=True)
        self._partial.unlink(missing_ok=True)
        self._output = os.fdopen(os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, self._mode), "wb")
        self._digest, self._first, self._events = hashlib.sha256(), LOG_START, 0
        self.last_event = None
        self._lines = []
        self._add(self._header)

    def add(self, event: Event) -> None:
        """Add the next event."""
        self._add(Line.of(event))
        self._first = self._first or event[0]
        self._events += 1
        self.last_event = event

    def save(self) -> None:
        """Write the added events, so that an interrupted export resumes after them."""
        self._write()
        fresh = self._written.with_suffix(".fresh")
        assert self._output is not None
        fresh.write_bytes(self._encoder.encode(Written(self._output.tell(), self._first, self._events)))
        fresh.replace(self._written)

    def add_accounts(self, accounts: Iterable[Account]) -> None:
        """Add accounts, after the last event; ids ascend. Only for a file that is to hold some."""
        assert self._accounts is not None
        for account in accounts:
            self._add(AccountLine(account))
            self._accounts += 1
        self._write()

    async def add_file(self, file: MovedFile, pieces: AsyncIterator[bytes]) -> None:
        """Add a file, after the accounts; ids ascend. Only for a file that is to hold some."""
        assert self._files is not None
        self._add(FileLine(file))
        self._files += 1
        pending = b""
        async for piece in pieces:
            pending += piece
            while len(pending) >= PIECE_BYTES:
                self._add_piece(pending[:PIECE_BYTES])
                pending = pending[PIECE_BYTES:]
        if pending:
            self._add_piece(pending)
        self._write()

    def _add_piece(self, piece: bytes) -> None:
        self._add(PieceLine(piece))
        self._write()

    def finish(self) -> Manifest:
        """Write the manifest and rename the partial file to `file`."""
        last = self.last_event[0] if self.last_event is not None else LOG_START
        manifest = Manifest(self._first, last, self._events, self._digest.hexdigest(), self._accounts, self._files)
        self._add(manifest)
        self._write()
        assert self._output is not None
        self._output.close()
        self._partial.replace(self._file)
        self._written.unlink(missing_ok=True)
        return manifest

    def _add(self, line: Any) -> None:
        encoded = self._encoder.encode(line) + b"\n"
        self._digest.update(encoded)
        self._lines.append(encoded)

    def _write(self) -> None:
        assert self._output is not None
        self._output.write(self._compress(b"".join(self._lines)))
        self._output.flush()
        self._lines = []


def _header(*, with_accounts: bool, with_content: bool, with_files: bool) -> Header:
    """The first line: of the lowest version that has what the file is to hold."""
    if with_files:
        return Header(FORMAT, VERSION_WITH_FILES, with_content, accounts=with_accounts)
    return Header(FORMAT, VERSION_WITH_ACCOUNTS if with_accounts else VERSION, with_content)
