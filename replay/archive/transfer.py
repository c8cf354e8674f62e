"""Export the log into a file and import it into another database: the same events at the same positions."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import asyncpg

from eventstore import append_lock
from eventstore.log import LAST_POSITION, Log
from eventstore.stored_rows import append_rows, read_rows
from eventstore.values import LOG_START, Position
from postgres import locks
from postgres.connect import SESSION, connect
from postgres.database import Database, unavailable_is_one_error
from projections.fanout import lane_table as lanes
from replay.archive.archive_reader import Archive, ArchiveRefused, Event, Manifest, check
from replay.archive.archive_writer import ArchiveWriter
from replay.progress import Progress, Report, unwatched
from replay.room_rules import RoomRules

PAGE = 5000


async def export(database: Database, file: Path, report: Report) -> Manifest:
    """Write the whole current log, including the events of other applications.

    The file appears when it is complete; an interrupted export resumes. Raises OSError, StoreUnavailable.
    """
    head = await database.fetchval(LAST_POSITION)
    with ArchiveWriter(file) as archive:
        position = await _position_of(archive, database)
        events = 0
        while rows := await database.read(partial(read_rows, position, head, limit=PAGE)):
            for row in rows:
                archive.add(*row)
            archive.save()
            position, events = rows[-1][0], events + len(rows)
            report(Progress(position, head, events))
        return archive.finish()


async def _position_of(archive: ArchiveWriter, database: Database) -> Position:
    """The position up to which the partial file is written. One that came from another log is started over."""
    if archive.last_event is None:
        return LOG_START
    position = archive.last_event[0]
    if await database.read(partial(read_rows, Position(position - 1), position, limit=1)) != [archive.last_event]:
        archive.start_over()
        return LOG_START
    return position


async def import_(
    dsn: str, file: Path, log: Log, report: Report, *, checking: Report = unwatched
) -> tuple[Manifest, int]:
    """Append the file's events that the log lacks; return the manifest and how many events were new.

    The log must be empty or equal the beginning of the file, as after an interrupted import. The whole file is checked
    before anything is recorded; `checking` gets the progress of that. Raises ArchiveRefused, StoreUnavailable.
    """
    rules = RoomRules()
    manifest = check(file, log, checking, rules)
    with unavailable_is_one_error():
        connection = await connect(dsn, {**SESSION, "application_name": "onrecord import"})
        try:
            if not await locks.PUBLISHING.try_take(connection):
                raise ArchiveRefused("a service publishes from this database: stop it, or run it with FANOUT=no")
            present = await _check_beginning(file, connection)
            events = present
            for page in _pages(file, skip=present):
                await _append(page, connection, highest_user_id=rules.highest_user_id)
                events += len(page)
                report(Progress(page[-1][0], manifest.last, events))
            return manifest, events - present
        finally:
            connection.terminate()


async def _check_beginning(file: Path, connection: asyncpg.Connection) -> int:
    """The number of events in the log. Raises ArchiveRefused unless the file begins with exactly those."""
    head = await connection.fetchval(LAST_POSITION)
    position, present = LOG_START, 0
    pages = _pages(file, skip=0)
    while rows := await read_rows(position, head, connection, limit=PAGE):
        if rows != next(pages, [])[: len(rows)]:
            raise ArchiveRefused("the log holds events that the file does not begin with")
        position, present = rows[-1][0], present + len(rows)
    return present


def _pages(file: Path, *, skip: int) -> Iterator[list[Event]]:
    events = islice(Archive(file), skip, None)
    while page := list(islice(events, PAGE)):
        yield page


async def _append(page: list[Event], connection: asyncpg.Connection, *, highest_user_id: int) -> None:
    """Append one page in one transaction, under the append lock, and move the lanes past it: it is not published.

    No account created from then on gets an id that the file names.
    """
    async with connection.transaction():
        await append_lock.take(connection)
        if await connection.fetchval(LAST_POSITION) >= page[0][0]:
            raise ArchiveRefused("another process appends to the log; the rest of the file is not recorded")
        last = page[-1][0]
        await append_rows(page, connection, last=last)
        await lanes.skip_to(last, connection)
        await connection.execute("SELECT move_user_ids_beyond($1)", highest_user_id)
