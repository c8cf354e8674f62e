"""What a log serves: its checkpoint and its entries, read over HTTP. Source: C2SP tlog-tiles."""

from collections.abc import AsyncIterator

import aiohttp

from audit.http_body import BodyTooLong, read_body
from audit.signing.notes import BadNote, Note, parse_note
from audit.tree.entries import unbundle
from audit.tree.tiles import WIDTH, path_of

LONGEST = 32 << 20
"""Bytes of one answer: more than the longest bundle of entries."""


class LogUnavailable(Exception):
    """The log does not answer, or refuses; the text says what was asked."""


class PublishedLog:
    """A log at a URL that ends before `/checkpoint`. Methods raise LogUnavailable and BadNote."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url.rstrip("/")
        self._http = http

    async def checkpoint(self) -> Note:
        """The newest checkpoint. No signature of it is checked."""
        try:
            return parse_note((await self._get("checkpoint")).decode())
        except UnicodeDecodeError as error:
            raise BadNote("the checkpoint is not text") from error

    async def entries(self, start: int, size: int) -> AsyncIterator[bytes]:
        """The entries of a tree of `size` leaves, from index `start` on."""
        for number in range(start // WIDTH, -(-size // WIDTH)):
            width = min(WIDTH, size - number * WIDTH)
            path = f"tile/entries/{path_of(number)}{'' if width == WIDTH else f'.p/{width}'}"
            try:
                bundle = unbundle(await self._get(path))
            except ValueError as error:
                raise BadNote(f"{path}: {error}") from error
            if len(bundle) != width:
                raise BadNote(f"{path} has {len(bundle)} entries, not {width}")
            for entry in bundle[max(0, start - number * WIDTH) :]:
                yield entry

    async def _get(self, path: str) -> bytes:
        try:
            async with self._http.get(f"{self._url}/{path}", allow_redirects=False) as response:
                if response.status != 200:
                    raise LogUnavailable(f"{path}: the log answers {response.status}")
                return await read_body(response, LONGEST)
        except BodyTooLong as error:
            raise BadNote(f"{path}: {error}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise LogUnavailable(f"{path}: the log cannot be reached ({type(error).__name__})") from error
