"""Forms that bring files: fields first, then files, which are handed on as they arrive, never held as a whole."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

from aiohttp import BodyPartReader, MultipartReader, web

from api.http.parsing import BODY_TIMEOUT_S, FIELDS_LIMIT, BadRequest, SlowBody, UnsupportedBody, checked_file_name

MULTIPART = "multipart/form-data"
PIECE = 64 * 1024
MALFORMED = "The form is malformed."
T = TypeVar("T")


class FormWithFiles:
    """The form of a request. `fields` are its texts by name, of which the first counts where a name repeats."""

    def __init__(self, reader: MultipartReader, limit: int) -> None:
        self.fields: dict[str, str] = {}
        self._reader = reader
        self._limit = limit
        self._part: BodyPartReader | None = None

    @classmethod
    async def begin(cls, request: web.Request) -> "FormWithFiles":
        """Read the fields, up to the first file. Raises UnsupportedBody, SlowBody, BadRequest,
        HTTPRequestEntityTooLarge.
        """
        if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
            raise UnsupportedBody("Send the body without Content-Encoding.")
        try:
            form = cls(await request.multipart(), request.client_max_size)
        except (ValueError, AssertionError):
            raise BadRequest(MALFORMED) from None
        await form._next()
        for _ in range(FIELDS_LIMIT):
            if form._part is None or form._part.filename is not None:
                return form
            name, text = form._part.name or "", await form._text(form._part)
            form.fields.setdefault(name, text)
            await form._next()
        raise BadRequest("The form has too many fields.")

    async def files(self) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
        """The name and the bytes of each file; read them before the next one. A field where no file was chosen is none.

        Raises SlowBody, BadRequest, InvalidFields for a name that no file can have.
        """
        while self._part is not None:
            if self._part.filename is None:
                raise BadRequest("The fields of a form come before its files.")
            if self._part.filename:
                yield checked_file_name(self._part.filename), self._chunks(self._part)
            else:
                await self._text(self._part)
            await self._next()

    async def _next(self) -> None:
        part = await _in_time(self._reader.next())
        if part is not None and not isinstance(part, BodyPartReader):
            raise BadRequest(MALFORMED)
        self._part = part

    async def _text(self, part: BodyPartReader) -> str:
        data = bytearray()
        async for chunk in self._chunks(part):
            data += chunk
            self._limit -= len(chunk)
            if self._limit < 0:
                raise web.HTTPRequestEntityTooLarge(len(data) + self._limit, len(data))
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise BadRequest("The form is not UTF-8.") from None

    async def _chunks(self, part: BodyPartReader) -> AsyncIterator[bytes]:
        while not part.at_eof():
            if chunk := await _in_time(part.read_chunk(PIECE)):
                yield chunk


async def _in_time(read: Awaitable[T]) -> T:
    """What the library reads. Raises SlowBody, BadRequest."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await read
    except TimeoutError:
        raise SlowBody from None
    except (ValueError, AssertionError, RuntimeError):
        raise BadRequest(MALFORMED) from None
