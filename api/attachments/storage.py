"""Where the bytes of files are: what the service needs of a place that keeps them under the ids of their uploads."""

import asyncio
import errno
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol
from uuid import UUID

from api.attachments.media import HEAD

PIECE = 1024 * 1024
"""Bytes that are written or read at once."""


class FileTooLarge(Exception):
    """The file has more bytes than a file may have; the text says how many that is."""


class NoRoomForFile(Exception):
    """The disk is full."""


class FileMissing(Exception):
    """There are no bytes of this upload."""


class StorageUnavailable(Exception):
    """The place of the bytes cannot be reached, or refuses; the text says why, for operators."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that is safely kept. `head` are its first bytes."""

    sha256: str
    size: int
    head: bytes


class Storage(Protocol):
    """Files by the id of their upload. Processes that serve the same chat share it. Each method raises
    StorageUnavailable.
    """

    async def write(self, upload_id: UUID, chunks: AsyncIterator[bytes], *, limit: int) -> WrittenFile:
        """Write what comes, and return when it is safe; nothing stays of a file that did not come whole.

        Raises FileTooLarge beyond `limit` bytes, NoRoomForFile, and what `chunks` raises.
        """

    def read(self, upload_id: UUID) -> AsyncIterator[bytes]:
        """The bytes, from the first. Raises FileMissing."""

    def path(self, upload_id: UUID) -> Path | None:
        """Where a file would be on this machine's disk; None where files are elsewhere."""

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


def name_of(upload_id: UUID) -> str:
    """How a file is called: two hex digits, a slash, thirty."""
    return f"{upload_id.hex[:2]}/{upload_id.hex[2:]}"


def upload_of(name: str) -> UUID | None:
    """The upload of a file; None where the name is none that we gave."""
    try:
        upload_id = UUID(name.replace("/", "", 1))
    except ValueError:
        return None
    return upload_id if name_of(upload_id) == name else None


async def receive(chunks: AsyncIterator[bytes], file: IO[bytes], *, limit: int) -> WrittenFile:
    """Write what comes into a file. Raises FileTooLarge, NoRoomForFile, and what `chunks` raises."""
    digest, size, head, pending = hashlib.sha256(), 0, b"", bytearray()
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise FileTooLarge(f"A file may have up to {limit:,} bytes.")
        if len(head) < HEAD:
            head += chunk[: HEAD - len(head)]
        pending += chunk
        if len(pending) >= PIECE:
            await asyncio.to_thread(_append, file, digest, bytes(pending))
            pending.clear()
    await asyncio.to_thread(_append, file, digest, bytes(pending))
    return WrittenFile(digest.hexdigest(), size, head)


def _append(file: IO[bytes], digest: "hashlib._Hash", data: bytes) -> None:
    """Write all of `data`: a file without buffer may take a part at a time."""
    digest.update(data)
    left = memoryview(data)
    try:
        while left:
            left = left[file.write(left) :]
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoomForFile from error
        raise
