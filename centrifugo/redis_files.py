"""The files of the Redis behind Centrifugo: an append-only file holds publications after they left the history.

Source: https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
"""

import asyncio
import time
from typing import Any
from urllib.parse import unquote, urlsplit

PORT = 6379
LOOK_EVERY_S = 0.1
CONNECT_TIMEOUT_S = 10.0


class RedisFailed(Exception):
    """Redis cannot be reached, or refuses; the text says which server and why, without its password."""


async def rewrite_files(url: str, *, wait_s: float) -> list[str]:
    """Have a Redis write its files again from what it holds now; returns which: `append-only file`, `snapshot`.

    `url` is redis://[user:password@]host[:port], with rediss:// over TLS. Waits for at most `wait_s`. Raises
    RedisFailed.
    """
    place = urlsplit(url)
    try:
        if place.scheme not in ("redis", "rediss") or not place.hostname:
            raise RedisFailed("its URL must be redis://[user:password@]host[:port]")
        async with asyncio.timeout(wait_s + CONNECT_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(
                place.hostname, place.port or PORT, ssl=place.scheme == "rediss" or None
            )
            try:
                return await _Redis(reader, writer, time.monotonic() + wait_s).rewrite_files(
                    place.username, place.password
                )
            finally:
                writer.close()
    except (OSError, ValueError, EOFError, RedisFailed) as error:
        reason = str(error) or type(error).__name__
        raise RedisFailed(f"Redis at {place.hostname or 'no host'}: {reason}") from None


class _Redis:
    """A connection, and the few commands that are needed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deadline: float) -> None:
        self._reader = reader
        self._writer = writer
        self._deadline = deadline

    async def rewrite_files(self, user: str | None, password: str | None) -> list[str]:
        if password:
            await self._call("AUTH", *([unquote(user)] if user else []), unquote(password))
        rewritten = []
        if (await self._persistence())["aof_enabled"] == "1":
            await self._settled("aof_rewrite_in_progress", "aof_rewrite_scheduled")
            await self._call("BGREWRITEAOF")
            await self._done("aof_last_bgrewrite_status", "aof_rewrite_in_progress", "aof_rewrite_scheduled")
            rewritten.append("append-only file")
        _, saves = await self._call("CONFIG", "GET", "save")
        if saves:
            await self._settled("rdb_bgsave_in_progress")
            await self._call("BGSAVE")
            await self._done("rdb_last_bgsave_status", "rdb_bgsave_in_progress")
            rewritten.append("snapshot")
        return rewritten

    async def _settled(self, *busy: str) -> dict[str, str]:
        """Wait until none of these is under way."""
        while True:
            found = await self._persistence()
            if all(found.get(name, "0") == "0" for name in busy):
                return found
            if time.monotonic() > self._deadline:
                raise RedisFailed("it is still writing its files")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _done(self, status: str, *busy: str) -> None:
        if (await self._settled(*busy))[status] != "ok":
            raise RedisFailed(f"it could not write its files ({status})")

    async def _persistence(self) -> dict[str, str]:
        lines = (await self._call("INFO", "persistence")).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    async def _call(self, *words: str) -> Any:
        parts = [f"*{len(words)}\r\n".encode()]
        for word in words:
            encoded = word.encode()
            parts.append(b"$%d\r\n%b\r\n" % (len(encoded), encoded))
        self._writer.write(b"".join(parts))
        await self._writer.drain()
        return await self._reply()

    async def _reply(self) -> Any:
        line = (await self._reader.readuntil(b"\r\n"))[:-2].decode()
        kind, rest = line[:1], line[1:]
        if kind == "-":
            raise RedisFailed(rest)
        if kind == "$":
            return "" if rest == "-1" else (await self._reader.readexactly(int(rest) + 2))[:-2].decode()
        if kind == "*":
            return [await self._reply() for _ in range(int(rest))]
        return rest
