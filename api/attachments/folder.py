"""Where the bytes are: a folder, one file for each upload, under the upload's id."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from api.attachments.storage import PIECE, FileMissing, NoRoomForFile, WrittenFile, name_of, receive, upload_of


class Folder:
    """Files by the id of their upload. Processes that serve the same chat share the folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, upload_id: UUID) -> Path:
        """Where the file is, if it is there."""
        return self._root / name_of(upload_id)

    async def write(self, upload_id: UUID, chunks: AsyncIterator[bytes], *, limit: int) -> WrittenFile:
        """Write what comes, and return when it is safe on the disk; nothing stays of a file that did not come whole.

        Raises FileTooLarge beyond `limit` bytes, NoRoomForFile, and what `chunks` raises.
        """
        path = self.path(upload_id)
        try:
            await asyncio.to_thread(path.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
            with await asyncio.to_thread(_create, path) as file:
                written = await receive(chunks, file, limit=limit)
                await asyncio.to_thread(os.fsync, file.fileno())
            await asyncio.to_thread(_sync_folders, path.parent, self._root)
            return written
        except BaseException as error:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise NoRoomForFile from error
            raise

    async def read(self, upload_id: UUID) -> AsyncIterator[bytes]:
        """The bytes, from the first. Raises FileMissing."""
        try:
            file = await asyncio.to_thread(open, self.path(upload_id), "rb", buffering=0)
        except FileNotFoundError:
            raise FileMissing(str(upload_id)) from None
        with file:
            while chunk := await asyncio.to_thread(file.read, PIECE):
                yield chunk

    async def remove(self, upload_id: UUID) -> None:
        """Remove the file, if it is there."""
        await asyncio.to_thread(self._remove, self.path(upload_id))

    async def ids(self) -> AsyncIterator[UUID]:
        """The ids of all files that are there."""
        for path in await asyncio.to_thread(lambda: sorted(self._root.glob("*/*"))):
            if (upload_id := upload_of(f"{path.parent.name}/{path.name}")) is not None:
                yield upload_id

    @staticmethod
    def _remove(path: Path) -> None:
        path.unlink(missing_ok=True)
        if path.parent.exists():
            _sync_folders(path.parent)


def _create(path: Path) -> BinaryIO:
    """A new file, which only the service may read."""
    return open(path, "xb", buffering=0, opener=lambda name, flags: os.open(name, flags, 0o600))


def _sync_folders(*folders: Path) -> None:
    """Make the names in folders as durable as the files."""
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
