"""Where the bytes are: a bucket that speaks S3, one object for each upload, named as in a folder.

The library's own threads of Rust abort the process when it ends soon after one of their asyncio calls, so its blocking
calls are made, on threads of ours.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import IO, TypeVar
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from api.attachments.storage import (
    PIECE,
    FileMissing,
    StorageUnavailable,
    WrittenFile,
    name_of,
    receive,
    upload_of,
)

T = TypeVar("T")
THREADS = 8
IN_MEMORY = 1024 * 1024
"""Bytes of a file that is being received; a larger one waits on the disk until it is whole."""

CONNECT_S, REQUEST_S, RETRY_S = 5, 60, 10
TRIES_AGAIN = 2


class ObjectStore:
    """Files by the id of their upload, in a bucket under a prefix. Processes that serve the same chat share it.

    `address` is `s3://BUCKET/PREFIX`. What `options` lack, the environment or the machine's own role says.
    """

    def __init__(self, address: str, *, endpoint: str = "", **options: str) -> None:
        name, _, prefix = address.removeprefix("s3://").partition("/")
        self._store = S3Store(
            name,
            prefix=prefix.strip("/") or None,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=CONNECT_S),
                "timeout": timedelta(seconds=REQUEST_S),
            },
            retry_config={"max_retries": TRIES_AGAIN, "retry_timeout": timedelta(seconds=RETRY_S)},
            **{name: value for name, value in (("endpoint", endpoint), *options.items()) if value},  # type: ignore[arg-type]
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="bucket")

    def path(self, upload_id: UUID) -> Path | None:
        """None: the bytes are not on this machine's disk."""
        return None

    async def write(self, upload_id: UUID, chunks: AsyncIterator[bytes], *, limit: int) -> WrittenFile:
        """Keep what comes, and return when it is safe in the bucket. It is sent once it is whole: of anything else
        nothing gets there.

        Raises FileTooLarge beyond `limit` bytes, NoRoomForFile, StorageUnavailable, and what `chunks` raises.
        """
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
            written = await receive(chunks, file, limit=limit)
            await self._do(lambda: self._put(upload_id, file))
            return written

    async def read(self, upload_id: UUID) -> AsyncIterator[bytes]:
        """The bytes, from the first. Raises FileMissing, StorageUnavailable."""
        stream = await self._do(lambda: self._get(upload_id))
        if stream is None:
            raise FileMissing(str(upload_id))
        while (chunk := await self._do(lambda: next(stream, None))) is not None:
            yield bytes(chunk)

    async def remove(self, upload_id: UUID) -> None:
        """Remove the file, if it is there. Raises StorageUnavailable."""
        await self._do(lambda: obstore.delete(self._store, name_of(upload_id)))

    async def ids(self) -> AsyncIterator[UUID]:
        """The ids of all files that are there. Raises StorageUnavailable."""
        pages = obstore.list(self._store)
        while (page := await self._do(lambda: next(pages, None))) is not None:
            for each in page:
                if (upload_id := upload_of(each["path"])) is not None:
                    yield upload_id

    def _get(self, upload_id: UUID) -> Iterator[bytes] | None:
        try:
            return iter(obstore.get(self._store, name_of(upload_id)).stream(PIECE))
        except FileNotFoundError:
            return None

    def _put(self, upload_id: UUID, file: IO[bytes]) -> None:
        file.seek(0)
        obstore.put(self._store, name_of(upload_id), file)

    async def _do(self, call: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except (BaseError, PermissionError, FileNotFoundError) as error:  # FileNotFoundError: no such bucket
            raise StorageUnavailable(str(error).partition("\n")[0]) from None
