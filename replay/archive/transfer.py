"""The log into a file, and out of it into another database: the same events at the same positions."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import asyncpg

from eventstore.log import CHANNEL
from postgres.database import SESSION, Database, unavailable_is_one_error
from replay.archive.archive_reader import Archive, ArchiveRefused, Event, Manifest, check
from replay.archive.archive_writer import ArchiveWriter
from replay.rebuild.fold import HEAD, Progress, Report, unwatched

PAGE = 5000
COLUMNS = ("notification_id", "originator_id", "originator_version", "topic", "state")

READ = f"""
SELECT {", ".join(COLUMNS)} FROM stored_events WHERE notification_id > $1 AND notification_id <= $2
ORDER BY notification_id LIMIT $3
"""
MOVE_SEQUENCE = "SELECT setval(pg_get_serial_sequence('stored_events', 'notification_id'), $1)"

# What comes from a file was told to people long ago, elsewhere.
MOVE_LANES = "UPDATE fanout_lanes SET position = $1 WHERE position < $1"


async def export(database: Database, file: Path, report: Report) -> Manifest:
    """Write the whole log as it is now, those events included that only other applications understand.

    The file appears when it is whole; an export that was interrupted goes on. Raises OSError, StoreUnavailable.
    """
    head = await database.fetchval(HEAD)
    with ArchiveWriter(file) as archive:
        position = await _position_of(archive, database)
        events = 0
        while rows := await database.fetch(READ, position, head, PAGE):
            for row in rows:
                archive.add(*row)
            archive.save()
            position, events = rows[-1][0], events + len(rows)
            report(Progress(position, head, events))
        return archive.finish()


async def _position_of(archive: ArchiveWriter, database: Database) -> int:
    """Up to where the file is written already; what came from another log is begun anew."""
    if archive.last_event is None:
        return 0
    position = archive.last_event[0]
    row = await database.fetchrow(READ, position - 1, position, 1)
    if row is None or tuple(row) != archive.last_event:
        archive.begin_anew()
        return 0
    return position


async def import_(dsn: str, file: Path, report: Report, *, checking: Report = unwatched) -> tuple[Manifest, int]:
    """Append what the file holds beyond the log, which must be empty or the file's beginning: an import that was
    interrupted goes on. Answers what the file holds, and how many events were new.

    Everything is checked before anything is recorded, and that is told to `checking`. Raises ArchiveRefused,
    StoreUnavailable.
    """
    manifest = check(file, checking)
    with unavailable_is_one_error():
        connection = await asyncpg.connect(dsn, server_settings={**SESSION, "application_name": "onrecord import"})
        try:
            present = await _check_beginning(file, connection)
            events = present
            for page in _pages(file, skip=present):
                await _append(page, connection)
                events += len(page)
                report(Progress(page[-1][0], manifest.last, events))
            return manifest, events - present
        finally:
            connection.terminate()


async def _check_beginning(file: Path, connection: asyncpg.Connection) -> int:
    """How many events the log and the file have in common, which are all that the log has."""
    head = await connection.fetchval(HEAD)
    position = present = 0
    pages = _pages(file, skip=0)
    while rows := await connection.fetch(READ, position, head, PAGE):
        page = next(pages, [])[: len(rows)]
        if [tuple(row) for row in rows] != page:
            raise ArchiveRefused("the log holds events that the file does not begin with")
        position, present = rows[-1][0], present + len(rows)
    return present


def _pages(file: Path, *, skip: int) -> Iterator[list[Event]]:
    events = islice(Archive(file), skip, None)
    while page := list(islice(events, PAGE)):
        yield page


async def _append(page: list[Event], connection: asyncpg.Connection) -> None:
    """One page in one transaction, under the append lock."""
    async with connection.transaction():
        await connection.execute("LOCK TABLE stored_events IN EXCLUSIVE MODE")
        if await connection.fetchval(HEAD) >= page[0][0]:
            raise ArchiveRefused("somebody else appends to the log; nothing more of the file is recorded")
        await connection.copy_records_to_table("stored_events", records=page, columns=COLUMNS)
        last = page[-1][0]
        await connection.fetchval(MOVE_SEQUENCE, last)
        await connection.execute(MOVE_LANES, last)
        await connection.execute(f"NOTIFY {CHANNEL}")
