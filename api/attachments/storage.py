"""Where the bytes of files are: what the service needs of a place that keeps them under the ids of their uploads."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


class FileTooLarge(Exception):
    """The file has more bytes than a file may have; the text says how many that is."""


class NoRoomForFile(Exception):
    """The disk is full."""


class FileMissing(Exception):
    """There are no bytes of this upload."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that is safely kept. `head` are its first bytes."""

    sha256: str
    size: int
    head: bytes


class Storage(Protocol):
    """Files by the id of their upload. Processes that serve the same chat share it."""

    async def write(self, upload_id: UUID, chunks: AsyncIterator[bytes], *, limit: int) -> WrittenFile:
        """Write what comes, and return when it is safe; nothing stays of a file that did not come whole.

        Raises FileTooLarge beyond `limit` bytes, NoRoomForFile, and what `chunks` raises.
        """

    def read(self, upload_id: UUID) -> AsyncIterator[bytes]:
        """The bytes, from the first. Raises FileMissing."""

    async def remove(self, upload_id: UUID) -> None:
        """Remove the file, if it is there."""

    def ids(self) -> AsyncIterator[UUID]:
        """The ids of all files that are there."""


async def digest_of(storage: Storage, upload_id: UUID) -> tuple[str, int]:
    """The SHA-256 and the size of the bytes that are there. Raises FileMissing."""
    digest, size = hashlib.sha256(), 0
    async for chunk in storage.read(upload_id):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size
