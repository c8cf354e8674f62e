"""Files of messages that move to another database with the log that names them."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

from api.attachments.media import Media
from api.attachments.storage import FileMissing, Storage, digest_of
from api.attachments.uploads import begin_file, keep_file
from postgres.database import Database
from replay.archive.file_line import MovedFile

PAGE = 1000
FIELDS = ", ".join(MovedFile.__struct_fields__)
READ = f"""
SELECT {FIELDS} FROM uploads
WHERE upload_id > $1 AND EXISTS (SELECT FROM attachments WHERE attachments.upload_id = uploads.upload_id)
ORDER BY upload_id LIMIT $2
"""
IS_HERE = "SELECT EXISTS (SELECT FROM uploads WHERE upload_id = $1)"


class MovedFiles:
    """The table of uploads and their bytes, as `replay.archive` needs them. What was erased has no row."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self._database = database
        self._storage = storage

    async def read_page(self, after: UUID) -> list[MovedFile]:
        """The next files beyond the id `after`, ascending, that messages name; none at the end."""
        return [MovedFile(*row) for row in await self._database.fetch(READ, after, PAGE)]

    async def is_whole(self, file: MovedFile) -> bool:
        """Whether its bytes are there, as many as they should be and with its SHA-256."""
        try:
            return await digest_of(self._storage, file.upload_id) == (file.sha256, file.size)
        except FileMissing:
            return False

    def pieces(self, file: MovedFile) -> AsyncIterator[bytes]:
        """Its bytes. Raises FileMissing where they were erased meanwhile."""
        return self._storage.read(file.upload_id)

    async def restore(self, file: MovedFile, pieces: Iterator[bytes]) -> bool:
        """Keep a file that is not here; returns whether it was not. Its bytes are safe before its row is there."""
        if await self._database.fetchval(IS_HERE, file.upload_id):
            return False
        await begin_file(file.upload_id, self._database)
        await self._storage.remove(file.upload_id)  # what an interrupted import left
        await self._storage.write(file.upload_id, _each(pieces), limit=file.size)
        await keep_file(
            file.upload_id,
            file.room_id,
            file.user_id,
            file.name,
            (file.sha256, file.size),
            Media(file.media_type, file.width, file.height),
            self._database,
            uploaded_at=file.uploaded_at,
        )
        return True


async def _each(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
