"""Keeps the embedded PostgreSQL running as long as its service runs."""

import contextlib
import logging
import threading
import time
from types import TracebackType
from typing import Self

from postgres.embedded import EmbeddedPostgres
from postgres.errors import EmbeddedPostgresError

LOOK_EVERY_S = 0.25
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0

log = logging.getLogger(__name__)


class Supervisor:
    """Restarts a server that died, and retries while that fails: its volume may be full, for instance.

    It is a thread, so that a busy service does not delay it. Each process that uses the server has one; the first
    to get the lock of the data directory starts the server, and the others find it running.
    """

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._postgres = postgres
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="postgres-supervisor")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(LOOK_EVERY_S):
            if not self._postgres.is_running:
                self._bring_back()
            with contextlib.suppress(EmbeddedPostgresError):  # not ours to write: another user of the server does it
                self._postgres.shorten_log()

    def _bring_back(self) -> None:
        log.error("PostgreSQL died; starting it again")
        died = time.monotonic()
        pause_s, told = FIRST_PAUSE_S, ""
        while not self._is_over.is_set():
            try:
                self._postgres.bring_back(unless=self._is_over.is_set)
                break
            except EmbeddedPostgresError as error:
                if str(error) != told:
                    told = str(error)
                    log.error("PostgreSQL does not start; trying on", extra={"reason": told})
            self._is_over.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        if not self._is_over.is_set():
            log.warning("PostgreSQL runs again", extra={"after_s": round(time.monotonic() - died, 1)})
