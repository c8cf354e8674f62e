"""Compares the files of messages with what the log says of them, and looks for bytes that nothing needs."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from api.attachments.storage import FileMissing, Storage, digest_of
from postgres.database import Database
from replay.progress import Progress, Report, unwatched

PAGE = 1000
COUNT = "SELECT count(DISTINCT upload_id) FROM attachments"

# What messages name, each file once, with its first message that has words and what is kept about it.
NAMED = """
SELECT
    named.upload_id, named.room_id, named.version, named.sha256, named.size, named.is_worded,
    kept.upload_id IS NOT NULL AS is_kept,
    (kept.sha256, kept.size, kept.room_id) IS NOT DISTINCT FROM (named.sha256, named.size, named.room_id) AS is_alike
FROM (
    SELECT DISTINCT ON (upload_id)
        attachments.*,
        messages.content IS NOT NULL OR bodies.stream IS NOT NULL AS is_worded
    FROM attachments
    JOIN messages USING (room_id, version)
    LEFT JOIN bodies ON bodies.stream = attachments.room_id AND bodies.version = attachments.version
    WHERE upload_id > $1
    ORDER BY upload_id, is_worded DESC, room_id, version
    LIMIT $2
) AS named
LEFT JOIN uploads AS kept USING (upload_id)
ORDER BY upload_id
"""
KNOWN = """
SELECT
    asked.upload_id, uploads.upload_id IS NOT NULL AS is_kept,
    remove_at, remove_at < now() - interval '1 hour' AS is_late
FROM unnest($1::uuid[]) AS asked (upload_id)
LEFT JOIN uploads USING (upload_id)
LEFT JOIN unneeded_files USING (upload_id)
"""


@dataclass(slots=True)
class FilesChecked:
    """How many files messages with words name, the bytes of all that are there, and what was found."""

    named: int = 0
    bytes: int = 0
    there: int = 0
    findings: list[str] = field(default_factory=list)


class FileCheck:
    """Reads every file. Nothing is changed."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self._database = database
        self._storage = storage

    async def run(self, report: Report = unwatched) -> FilesChecked:
        """Compare all that is named with its bytes, then all bytes with what is kept about them."""
        found = FilesChecked()
        total = await self._database.fetchval(COUNT)
        after, done = UUID(int=0), 0
        while rows := await self._database.fetch(NAMED, after, PAGE):
            for row in rows:
                found.findings += [finding async for finding in self._compare(row, found)]
                done += 1
                report(Progress(done, total, done))
            after = rows[-1]["upload_id"]
        found.findings += [finding async for finding in self._strays(found)]
        return found

    async def _compare(self, row: asyncpg.Record, found: FilesChecked) -> AsyncIterator[str]:
        """What is wrong with a file that a message names."""
        of = f"file {row['upload_id']} of message {row['version']} in {row['room_id']}"
        if not row["is_worded"]:
            if row["is_kept"]:
                yield f"{of}: the words of its messages are erased, and it is kept"
            return
        found.named += 1
        if not row["is_kept"]:
            yield f"{of}: its name is gone, and the message has its words"
        elif not row["is_alike"]:
            yield f"{of}: what is kept about it is not what the log says"
        try:
            sha256, size = await digest_of(self._storage, row["upload_id"])
        except FileMissing:
            yield f"{of}: its bytes are missing"
            return
        found.bytes += size
        if size != row["size"]:
            yield f"{of}: it has {size:,} bytes, the log says {row['size']:,}"
        elif sha256 != row["sha256"]:
            yield f"{of}: its SHA-256 is {sha256}, the log says {row['sha256']}"

    async def _strays(self, found: FilesChecked) -> AsyncIterator[str]:
        """Bytes that nothing needs."""
        page: list[UUID] = []
        async for upload_id in self._storage.ids():
            page.append(upload_id)
            if len(page) == PAGE:
                async for finding in self._unneeded(page, found):
                    yield finding
                page = []
        async for finding in self._unneeded(page, found):
            yield finding

    async def _unneeded(self, page: list[UUID], found: FilesChecked) -> AsyncIterator[str]:
        found.there += len(page)
        for row in await self._database.fetch(KNOWN, page):
            if row["is_kept"]:
                continue
            if row["remove_at"] is None:
                yield f"bytes of {row['upload_id']}: nothing names them"
            elif row["is_late"]:
                yield f"bytes of {row['upload_id']}: they were to be removed at {row['remove_at']:%Y-%m-%d %H:%M} UTC"
