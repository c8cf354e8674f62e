"""Uploads: files that members sent and may name in messages. Rows are in the database, bytes in a storage."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
from msgspec import UNSET

from api.attachments.media import Media, media_of
from api.attachments.storage import Storage, StorageUnavailable
from domain.errors import InvalidField
from domain.room.attaching import Attached
from domain.values import RoomId, UserId
from postgres.database import Database
from postgres.errors import StoreUnavailable
from projections.readmodels.shapes import Attachment

FUNCTIONS = Path(__file__).with_name("attachments.sql")
"""What the triggers call."""

UNUSED_S = 86400
"""How long an upload that no message names is kept, and a file whose upload did not end."""

log = logging.getLogger(__name__)

BEGIN = f"""
INSERT INTO unneeded_files (upload_id, remove_at) VALUES ($1, now() + interval '{UNUSED_S} seconds')
ON CONFLICT (upload_id) DO UPDATE SET remove_at = excluded.remove_at
"""
KEEP = """
WITH listed AS (DELETE FROM unneeded_files WHERE upload_id = $1)
INSERT INTO uploads (upload_id, room_id, user_id, name, sha256, size, media_type, width, height, uploaded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($10, now()))
"""
OF_TODAY = """
SELECT coalesce(sum(size), 0)::bigint FROM uploads WHERE user_id = $1 AND uploaded_at > now() - interval '1 day'
"""
NAMED = """
UPDATE uploads SET used_at = now() WHERE room_id = $1 AND user_id = $2 AND upload_id = ANY($3)
RETURNING upload_id, sha256, size, media_type, width, height
"""
OF_MESSAGE = """
SELECT uploads.name, uploads.media_type, uploads.sha256, uploads.size FROM attachments JOIN uploads USING (upload_id)
WHERE attachments.room_id = $1 AND attachments.version = $2 AND upload_id = $3
"""
REMOVE_UNUSED = f"""
DELETE FROM uploads WHERE used_at < now() - interval '{UNUSED_S} seconds'
    AND NOT EXISTS (SELECT FROM attachments WHERE attachments.upload_id = uploads.upload_id)
"""
REMOVE_UNUSED_OF = """
DELETE FROM uploads WHERE user_id = $1
    AND NOT EXISTS (SELECT FROM attachments WHERE attachments.upload_id = uploads.upload_id)
"""
UNNEEDED = """
SELECT upload_id FROM unneeded_files WHERE remove_at <= now()
    AND NOT EXISTS (SELECT FROM uploads WHERE uploads.upload_id = unneeded_files.upload_id)
LIMIT 1000
"""
REMOVED = "DELETE FROM unneeded_files WHERE upload_id = ANY($1)"


async def begin_file(upload_id: UUID, database: Database) -> None:
    """Note that bytes are about to come, so that none are left behind."""
    await database.fetch(BEGIN, upload_id)


async def keep_file(
    upload_id: UUID,
    room_id: RoomId,
    user_id: UserId,
    name: str,
    written: tuple[str, int],
    media: Media,
    database: Database,
    *,
    uploaded_at: datetime | None = None,
) -> None:
    """Keep a file whose bytes are safe: `written` are their SHA-256 and size. Without a time, it was uploaded now."""
    about = (*written, media.kind, media.width, media.height, uploaded_at)
    await database.fetch(KEEP, upload_id, room_id, user_id, name, *about)


async def remove_unused_of(connection: asyncpg.Connection, user_id: UserId) -> None:
    """Remove what a user uploaded and no message names; a server removes the files."""
    await connection.execute(REMOVE_UNUSED_OF, user_id)


class UploadsUsedUp(Exception):
    """The user has uploaded as much as one may in a day."""


class Uploads:
    """What members upload. `limit` is of one file, `day_limit` of all files of a user in a day, in bytes."""

    def __init__(self, database: Database, storage: Storage, *, limit: int, day_limit: int) -> None:
        self._database = database
        self.storage = storage
        self.limit = limit
        self._day_limit = day_limit

    async def receive(self, room_id: RoomId, user_id: UserId, name: str, chunks: AsyncIterator[bytes]) -> Attachment:
        """Keep a file that a member sends, for a message of this room. Raises UploadsUsedUp, and what
        `Storage.write` raises.
        """
        left = self._day_limit - (await self._database.fetch(OF_TODAY, user_id))[0][0]
        if left <= 0:
            raise UploadsUsedUp("You have uploaded as much as one may in a day.")
        upload_id = uuid4()
        await begin_file(upload_id, self._database)
        written = await self.storage.write(upload_id, chunks, limit=min(self.limit, left))
        media = media_of(written.head)
        await keep_file(upload_id, room_id, user_id, name, (written.sha256, written.size), media, self._database)
        width, height = (UNSET, UNSET) if media.width is None else (media.width, media.height or 0)
        return Attachment(upload_id, name, written.size, media.kind, written.sha256, width, height)

    async def named(self, room_id: RoomId, user_id: UserId, upload_ids: Sequence[UUID]) -> list[Attached]:
        """These uploads of a user in a room, in this order, kept for another day. Raises InvalidField."""
        if not upload_ids:
            return []
        rows = {row["upload_id"]: row for row in await self._database.fetch(NAMED, room_id, user_id, upload_ids)}
        if not rows.keys() >= set(upload_ids):
            raise InvalidField("attachments", "You have no such upload in this room.")
        return [Attached(**dict(rows[upload_id])) for upload_id in upload_ids]

    async def of_message(self, room_id: RoomId, message: int, upload_id: UUID) -> tuple[str, str, str, int] | None:
        """The name, media type, SHA-256 and size of a file that a message names; None where there is none. The caller
        knows that the message may be read.
        """
        rows = await self._database.fetch(OF_MESSAGE, room_id, message, upload_id)
        return tuple(rows[0]) if rows else None

    async def run(self, *, every_s: float) -> None:
        """Remove what is not needed, every `every_s` seconds until cancelled."""
        while True:
            try:
                await self.clean()
            except StoreUnavailable:
                log.warning("files are not removed: the database is not available")
            except StorageUnavailable as error:
                log.warning("files are not removed: their storage is not available", extra={"reason": str(error)})
            except Exception:
                log.exception("files are not removed")
            await asyncio.sleep(every_s)

    async def clean(self) -> None:
        """Remove uploads that no message named in time, and files that nothing needs, as those of erased messages."""
        await self._database.fetch(REMOVE_UNUSED)
        while rows := await self._database.fetch(UNNEEDED):
            upload_ids = [row["upload_id"] for row in rows]
            for upload_id in upload_ids:
                await self.storage.remove(upload_id)
            await self._database.fetch(REMOVED, upload_ids)
