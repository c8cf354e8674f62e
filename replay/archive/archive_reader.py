"""The log in a file: JSON Lines. The first line names the format, then one event per line, then a manifest.

The manifest holds the range of positions, the number of events, and the SHA-256 of all uncompressed bytes before it.
A truncated file lacks it. With accounts, one line for each of them stands before the manifest, which counts them too.
So do the files of messages, with their bytes.
"""

import bz2
import gzip
import hashlib
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Any, Self, cast
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from domain.values import UserId
from eventstore.errors import UnreadableEvent
from eventstore.log import Log
from eventstore.stored_rows import Row
from eventstore.values import LOG_START, Position, Version
from eventstore.words import Opening, erased_by
from projections.readmodels.inline import LogEvent
from replay.archive.account_line import PREFIX, Account, AccountLine
from replay.archive.file_line import FILE, PIECE, MovedFile
from replay.archive.files_read import FileRefused, FilesRead, NamedFiles, pieces_of
from replay.log_rules import LogRules, people
from replay.progress import Progress, Report, unwatched
from replay.room_rules import Impossible

FORMAT = "onrecord-events"
VERSION = 1
VERSION_WITH_ACCOUNTS = 2
"""Programs that know no accounts refuse this version by its number, and read those before."""
VERSION_WITH_FILES = 3
"""With files of messages, and with accounts if its first line says so."""

COMPRESSED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
"""How to open a file, by its suffix; any other suffix means plain text."""

PLAIN = ".jsonl"
"""The suffix of plain text."""

DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError, msgspec.DecodeError)
"""The errors of reading a file that is truncated, altered, or not an archive."""

REPORT_EVERY = 1000

ONE_OR_MORE = Meta(ge=1, le=2**63 - 1)


class ArchiveRefused(Exception):
    """The file is not a complete, unaltered export, or does not fit the log."""


class Header(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The first line. `content` is false when words that stand apart from the log were left out on request.
    `accounts` is said from version 3 on.
    """

    format: str
    format_version: int = msgspec.field(name="version")
    content: bool = True
    accounts: bool = False

    @property
    def has_accounts(self) -> bool:
        return self.accounts or self.format_version == VERSION_WITH_ACCOUNTS


class Line(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One row of the log. `state` is what its writer encoded, byte for byte; `state_base64` if that is not UTF-8.

    `salt`, `content` and `client_id` open it, where its words stand apart from the log and were not erased.
    """

    position: Annotated[Position, ONE_OR_MORE]
    stream_id: UUID
    version: Annotated[Version, ONE_OR_MORE]
    topic: Annotated[str, Meta(pattern=r"^[^\x00]*$")]
    state: str | None = None
    state_base64: bytes | None = None
    salt: bytes | None = None
    content: str | None = None
    client_id: str | None = None

    @classmethod
    def of(cls, event: "Event") -> Self:
        position, stream_id, version, topic, state, opening = event
        apart = (opening.salt, opening.content, opening.client_id) if opening is not None else (None, None, None)
        try:
            return cls(position, stream_id, version, topic, state.decode(), None, *apart)
        except UnicodeDecodeError:
            return cls(position, stream_id, version, topic, None, state, *apart)

    @property
    def encoded_state(self) -> bytes:
        return self.state.encode() if self.state is not None else self.state_base64 or b""

    @property
    def event(self) -> "Event":
        return self.position, self.stream_id, self.version, self.topic, self.encoded_state, self.opening

    @property
    def opening(self) -> Opening | None:
        if self.salt is not None and self.content is not None:
            return Opening(self.salt, self.content, self.client_id)
        if (self.salt, self.content, self.client_id) != (None, None, None):
            raise ArchiveRefused(f"position {self.position} has a part of what opens it")
        return None


class Manifest(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The last line. An export of an empty log has positions 0; `accounts` and `files` are their numbers, None in a
    version without them.
    """

    first: Position
    last: Position
    events: int
    sha256: str
    accounts: int | None = None
    files: int | None = None


Event = Row
"""A row of the log, with what opens it."""


def open_archive(file: IO[bytes], *, suffix: str) -> IO[bytes]:
    """The file as a stream of uncompressed bytes."""
    return cast(IO[bytes], COMPRESSED[suffix](file)) if suffix in COMPRESSED else file


class Archive:
    """The events of a file in order, checked line by line. `manifest`, `accounts` and `files` are complete once all are
    read.

    `bytes_read` and `size` count the bytes of the file, compressed or not. Iterating raises ArchiveRefused; a mismatch
    with the manifest shows only after the last event.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.size = file.stat().st_size
        self.bytes_read = 0
        self.manifest: Manifest | None = None
        self.header: Header | None = None
        self.accounts: list[Account] = []
        self.files: list[MovedFile] = []

    def __iter__(self) -> Iterator[Event]:
        try:
            with self._file.open("rb") as file, open_archive(file, suffix=self._file.suffix) as lines:
                for event in self._read(lines):
                    self.bytes_read = file.tell()
                    yield event
        except DAMAGED as error:
            raise ArchiveRefused(f"{self._file.name} is damaged ({type(error).__name__}: {error})") from error

    def read_files(self) -> Iterator[tuple[MovedFile, Iterator[bytes]]]:
        """The files of messages, each with its bytes, which are read before the next one. The whole file was checked
        before.
        """
        with self._file.open("rb") as file, open_archive(file, suffix=self._file.suffix) as lines:
            yield from pieces_of(lines)

    def _read(self, lines: IO[bytes]) -> Iterator[Event]:
        current = lines.readline()
        self.header = self._read_header(current)
        has_accounts, has_files = self.header.has_accounts, self.header.format_version == VERSION_WITH_FILES
        files = FilesRead()
        digest = hashlib.sha256(current)
        decoder = msgspec.json.Decoder(Line)
        first = last = LOG_START
        events = 0
        current = lines.readline()
        while following := lines.readline():
            digest.update(current)
            if has_accounts and current.startswith(PREFIX):
                self._add_account(msgspec.json.decode(current, type=AccountLine).account)
            elif has_files and current.startswith((FILE, PIECE)):
                _add_line(files, current)
            else:
                line = decoder.decode(current)
                yield line.event
                first, last, events = first or line.position, line.position, events + 1
            current = following
        _add_line(files, None)
        self.files = files.done
        manifest = Manifest(
            *(first, last, events, digest.hexdigest()),
            len(self.accounts) if has_accounts else None,
            len(self.files) if has_files else None,
        )
        if msgspec.json.decode(current, type=Manifest) != manifest:
            raise ArchiveRefused(f"{self._file.name} is not what its manifest says")
        self.manifest = manifest

    def _read_header(self, line: bytes) -> Header:
        header = msgspec.json.decode(line, type=Header)
        if header.format != FORMAT or not VERSION <= header.format_version <= VERSION_WITH_FILES:
            known = f"{FORMAT} {VERSION} to {VERSION_WITH_FILES}"
            raise ArchiveRefused(f"{self._file.name} is {header.format} {header.format_version}, not {known}")
        return header

    def _add_account(self, account: Account) -> None:
        if self.accounts and account.user_id <= self.accounts[-1].user_id:
            raise ArchiveRefused(f"account {account.user_id} does not come after {self.accounts[-1].user_id}")
        self.accounts.append(account)


def _add_line(files: FilesRead, line: bytes | None) -> None:
    """The next line about files; None when none follows."""
    try:
        files.end() if line is None else files.add(line)
    except FileRefused as error:
        raise ArchiveRefused(str(error)) from None


@dataclass(frozen=True, slots=True)
class Contents:
    """What a checked file holds: its manifest, its accounts by id, where the log first names each user, and the streams
    and versions whose words it says were erased; the files of messages that it has, and those that it lacks.
    """

    manifest: Manifest
    accounts: dict[UserId, Account]
    first_named: dict[UserId, Position]
    erased: set[tuple[UUID, int]]
    files: set[UUID]
    lacking: set[UUID]


def check(file: Path, log: Log, report: Report = unwatched) -> Contents:
    """Read and check a whole file; `log` decodes its events. Raises ArchiveRefused.

    Progress is reported in bytes, since the number of events is known only at the end.
    """
    rules = LogRules()
    first_named: dict[UserId, Position] = {}
    erased: set[tuple[UUID, int]] = set()
    versions: dict[UUID, Version] = {}
    named = NamedFiles()
    without_words: set[tuple[UUID, int]] = set()
    before = 0
    archive = Archive(file)
    for events, (position, stream_id, version, topic, state, opening) in enumerate(archive, 1):
        if position <= before:
            raise ArchiveRefused(f"position {position} does not come after {before}")
        if version != versions.get(stream_id, 0) + 1:
            raise ArchiveRefused(f"at position {position}, stream {stream_id} continues with version {version}")
        if topic in log.topics:
            event = _check_possible(log, rules, position, (stream_id, version, topic, state))
            for user_id in people(event):
                first_named.setdefault(user_id, position)
            erased.update((stream_id, each) for each in erased_by(event))
            seal: str | None = getattr(event, "sealed", None)
            if named.add(event) and opening is None and seal is not None:
                without_words.add((stream_id, version))
        else:
            seal = None
        if opening is not None and opening.seal != seal:
            raise ArchiveRefused(f"at position {position}, the content is not what the event was sealed with")
        before, versions[stream_id] = position, version
        if events % REPORT_EVERY == 0:
            report(Progress(archive.bytes_read, archive.size, events))
    assert archive.manifest is not None, "it was read to its end"
    accounts = {account.user_id: account for account in archive.accounts}
    for moved in archive.files:
        try:
            named.check(moved)
        except FileRefused as error:
            raise ArchiveRefused(str(error)) from None
    wanted = named.alive(erased | without_words)
    files = {moved.upload_id for moved in archive.files} & wanted
    lacking = wanted - files
    return Contents(archive.manifest, accounts, first_named, erased, files, lacking)


def _check_possible(log: Log, rules: LogRules, position: Position, row: tuple[UUID, Version, str, bytes]) -> LogEvent:
    """Apply one row of the log to the rules; return its event."""
    try:
        event = cast(LogEvent, log.event(position, *row))
        rules.apply(event)
        return event
    except UnreadableEvent as error:
        raise ArchiveRefused(str(error)) from error
    except Impossible as error:
        raise ArchiveRefused(f"the event at position {position} cannot have happened: {error}") from error
