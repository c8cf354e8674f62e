"""Export the log into a file and import it into another database: the same events at the same positions.

Files of messages go with it, and accounts when they are asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from uuid import UUID

import asyncpg

from domain.values import UserId
from eventstore import append_lock
from eventstore.log import LAST_POSITION, Log
from eventstore.stored_rows import append_rows, read_rows
from eventstore.values import LOG_START, Position
from postgres import locks
from postgres.connect import SESSION, connect
from postgres.database import Database, unavailable_is_one_error
from projections.fanout import lane_table as lanes
from replay.archive.account_line import AccountTable
from replay.archive.archive_reader import Archive, ArchiveRefused, Contents, Event, Manifest, check
from replay.archive.archive_writer import ArchiveWriter
from replay.archive.file_line import FileTable, MovedFile
from replay.progress import Progress, Report, unwatched

PAGE = 5000


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import: the file's manifest, how many events, accounts and files were new here, and how many
    files messages name that are not in it.
    """

    manifest: Manifest
    events: int
    accounts: int
    files: int = 0
    files_lacking: int = 0


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of an export: the file's manifest, and the files of messages whose bytes are missing or altered."""

    manifest: Manifest
    files_lacking: list[MovedFile]


async def export(
    database: Database,
    file: Path,
    report: Report,
    *,
    accounts: AccountTable | None = None,
    files: FileTable | None = None,
    with_content: bool = True,
) -> Exported:
    """Write the whole current log, including the events of other applications, and the `accounts` and `files` if given.

    `with_content`: with the words that stand apart from the log, as far as they are not erased; files go with words.
    The file appears when it is complete; an interrupted export resumes. Raises OSError, StoreUnavailable.
    """
    whole, lacking = await _whole(files) if files is not None and with_content else ([], [])
    head = await database.fetchval(LAST_POSITION)  # after the files: it has the messages that name them
    with ArchiveWriter(
        file, with_accounts=accounts is not None, with_content=with_content, with_files=bool(whole)
    ) as archive:
        position = await _position_of(archive, database, with_content=with_content)
        events = 0
        while rows := await database.read(partial(read_rows, position, head, limit=PAGE, with_openings=with_content)):
            for row in rows:
                archive.add(row)
            archive.save()
            position, events = rows[-1][0], events + len(rows)
            report(Progress(position, head, events))
        if accounts is not None:  # after the events: those who acted in one of them have an account by now
            last = UserId(0)
            while page := await database.read(partial(accounts.read_page, last)):
                archive.add_accounts(page)
                last = page[-1].user_id
        for each in whole:
            assert files is not None
            await archive.add_file(each, files.pieces(each))
        return Exported(archive.finish(), lacking)


async def _whole(files: FileTable) -> tuple[list[MovedFile], list[MovedFile]]:
    """The files whose bytes are there, and those whose are not."""
    whole: list[MovedFile] = []
    lacking: list[MovedFile] = []
    after = UUID(int=0)
    while page := await files.read_page(after):
        for each in page:
            (whole if await files.is_whole(each) else lacking).append(each)
        after = page[-1].upload_id
    return whole, lacking


async def _position_of(archive: ArchiveWriter, database: Database, *, with_content: bool) -> Position:
    """The position up to which the partial file is written. One that came from another log is started over."""
    if archive.last_event is None:
        return LOG_START
    position = archive.last_event[0]
    read = partial(read_rows, Position(position - 1), position, limit=1, with_openings=with_content)
    if await database.read(read) != [archive.last_event]:
        archive.start_over()
        return LOG_START
    return position


async def import_(
    dsn: str,
    file: Path,
    log: Log,
    accounts: AccountTable,
    files: FileTable,
    report: Report,
    *,
    same_people: bool = False,
    checking: Report = unwatched,
) -> Imported:
    """Append the file's events that the log lacks, after the accounts that it lacks.

    The log must be empty or equal the beginning of the file, as after an interrupted import. Accounts here must be
    those of the file, or have ids that it does not name, unless they are the `same_people`. The files of messages come
    last. The whole file is checked before anything is recorded; `checking` gets the progress of that. Raises
    ArchiveRefused, StoreUnavailable.
    """
    contents = check(file, log, checking)
    with unavailable_is_one_error():
        connection = await connect(dsn, {**SESSION, "application_name": "onrecord import"})
        try:
            if not await locks.PUBLISHING.try_take(connection):
                raise ArchiveRefused("a service publishes from this database: stop it, or run it with FANOUT=no")
            head, present = await _check_beginning(file, connection)
            named = _named_after(head, contents)
            async with connection.transaction():
                new = await accounts.restore(contents.accounts, named, connection, same_people=same_people)
            events = present
            for page in _pages(file, skip=present):
                await _append([_without_erased(event, contents.erased) for event in page], connection)
                events += len(page)
                report(Progress(page[-1][0], contents.manifest.last, events))
            kept = 0
            for about, pieces in Archive(file).read_files():
                if about.upload_id in contents.files:
                    kept += await files.restore(about, pieces)
            return Imported(contents.manifest, events - present, new, kept, len(contents.lacking))
        finally:
            connection.terminate()


def _named_after(head: Position, contents: Contents) -> set[UserId]:
    """The users whom the file names only beyond `head`: to the log here they are new."""
    return {user_id for user_id, position in contents.first_named.items() if position > head}


async def _check_beginning(file: Path, connection: asyncpg.Connection) -> tuple[Position, int]:
    """The head of the log and its number of events. Raises ArchiveRefused unless the file begins with exactly those.

    Words do not count: those here may have been erased, or left out.
    """
    head = await connection.fetchval(LAST_POSITION)
    position, present = LOG_START, 0
    pages = _pages(file, skip=0)
    while rows := await read_rows(position, head, connection, limit=PAGE, with_openings=False):
        if [row[:5] for row in rows] != [row[:5] for row in next(pages, [])[: len(rows)]]:
            raise ArchiveRefused("the log holds events that the file does not begin with")
        position, present = rows[-1][0], present + len(rows)
    return position, present


def _pages(file: Path, *, skip: int) -> Iterator[list[Event]]:
    events = islice(Archive(file), skip, None)
    while page := list(islice(events, PAGE)):
        yield page


def _without_erased(event: Event, erased: set[tuple[UUID, int]]) -> Event:
    """The event without its words, where a later one says that they were erased: no file brings them back."""
    position, stream_id, version, topic, state, opening = event
    return position, stream_id, version, topic, state, None if (stream_id, version) in erased else opening


async def _append(page: list[Event], connection: asyncpg.Connection) -> None:
    """Append one page in one transaction, under the append lock, and move the lanes past it: it is not published."""
    async with connection.transaction():
        await append_lock.take(connection)
        if await connection.fetchval(LAST_POSITION) >= page[0][0]:
            raise ArchiveRefused("another process appends to the log; the rest of the file is not recorded")
        last = page[-1][0]
        await append_rows(page, connection, last=last)
        await lanes.skip_to(last, connection)
