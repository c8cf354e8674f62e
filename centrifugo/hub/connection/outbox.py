"""The queue of replies and pushes to one client, packed into frames once per turn of the event loop."""

import asyncio
import struct
from collections import deque
from collections.abc import Callable

LINES_PER_FRAME = 16
FLUSH_AT_BYTES = 65_536  # queued in one turn at most
OUTBOXES_PER_TURN = 200  # flushed before others get the event loop: a few milliseconds of system calls

_TEXT = 0x81
_SHORT = struct.Struct("!BB").pack
_MEDIUM = struct.Struct("!BBH").pack
_LONG = struct.Struct("!BBQ").pack


def text_frame(payload: bytes) -> bytes:
    """An unfragmented, unmasked WebSocket text frame. Source: RFC 6455, section 5.2."""
    length = len(payload)
    if length < 126:
        return _SHORT(_TEXT, length) + payload
    if length < 65_536:
        return _MEDIUM(_TEXT, 126, length) + payload
    return _LONG(_TEXT, 127, length) + payload


class Flusher:
    """Flushes the outboxes that were written to, in a few callbacks rather than a task for each."""

    def __init__(self) -> None:
        self._waiting: deque[Outbox] = deque()
        self._is_scheduled = False

    def add(self, outbox: "Outbox") -> None:
        self._waiting.append(outbox)
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        for _ in range(min(len(self._waiting), OUTBOXES_PER_TURN)):
            self._waiting.popleft().flush()
        self._is_scheduled = bool(self._waiting)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)


class Outbox:
    """The queue to one client. It holds the lines of this turn of the loop; the socket's buffer holds earlier ones.

    When that buffer holds more than `limit()` bytes, `on_overflow` is called and nothing more is sent. So one long
    reply never cuts off a client that reads, and one that does not costs at most `limit()` bytes and those of one turn.
    """

    def __init__(
        self,
        transport: asyncio.WriteTransport,
        flusher: Flusher,
        limit: Callable[[], int],
        on_overflow: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._flusher = flusher
        self._limit = limit
        self._on_overflow = on_overflow
        self._lines: list[bytes] = []
        self._size = 0

    def put(self, line: bytes) -> None:
        if not self._lines:
            self._flusher.add(self)
        self._lines.append(line)
        self._size += len(line)
        if self._size > FLUSH_AT_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write everything queued to the socket."""
        lines, self._lines, self._size = self._lines, [], 0
        if not lines or self._transport.is_closing():
            return
        waiting = self._transport.get_write_buffer_size()
        if waiting and waiting > self._limit():
            self._on_overflow()
            return
        for start in range(0, len(lines), LINES_PER_FRAME):
            self._transport.write(text_frame(b"\n".join(lines[start : start + LINES_PER_FRAME])))
