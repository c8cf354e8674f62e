"""Structured logs: one JSON object a line, on standard error.

Messages and credentials are never logged: an error is logged with its type and place but not its text, since a
driver's error quotes the values of the statement.
"""

import contextlib
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import MemoryHandler
from types import TracebackType
from typing import Any

import msgspec

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the current request, on every line logged while it is handled."""

CLIENT_ADDRESS: ContextVar[str | None] = ContextVar("client_address", default=None)
"""The address of the current request's client, on every line of the security log."""

SECURITY = "onrecord.security"
"""The security log: logins, sessions, roles and refusals, from whichever package; never what was typed."""

STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: time, level, logger, event, request_id, then the fields of `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if (request_id := REQUEST_ID.get()) is not None:
            line["request_id"] = request_id
        if record.name == SECURITY:
            line["address"] = CLIENT_ADDRESS.get()
        line.update((name, value) for name, value in record.__dict__.items() if name not in STANDARD)
        if record.exc_info:
            line["error"] = describe(record.exc_info[1])
        return msgspec.json.encode(line, enc_hook=str).decode()


def describe(error: BaseException | None) -> list[dict[str, Any]]:
    """An error and what caused it, newest first: type and frames of each, never its text."""
    chain: list[dict[str, Any]] = []
    while error is not None and len(chain) < 10:
        frames = traceback.extract_tb(error.__traceback__)
        chain.append(
            {
                "type": f"{type(error).__module__}.{type(error).__qualname__}",
                "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-20:]],
            }
        )
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return chain


def configure_logs(level: str) -> None:
    """Send every logger of this process to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


@contextlib.contextmanager
def logs_held_back(lines: int = 10_000) -> Iterator[Callable[[], None]]:
    """Buffer up to `lines` log lines until the yielded function is called, an error is logged or the block ends.

    What a command prints to people then comes first.
    """
    root = logging.getLogger()
    handlers = root.handlers[:]
    held = [MemoryHandler(lines, flushLevel=logging.ERROR, target=handler) for handler in handlers]
    root.handlers[:] = held

    def release() -> None:
        root.handlers[:] = handlers
        for each in held:
            each.close()

    try:
        yield release
    finally:
        release()
