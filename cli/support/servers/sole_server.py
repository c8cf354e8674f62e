"""Keeps servers away from a DATA_DIR: a second one always, and the first while a backup takes the database's place.

Browsers on an embedded hub hear what the process of that hub publishes. Two servers with a hub each would share the
lanes, and the browsers of either would miss what the other one publishes.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import click

from api.settings import Settings

INSTEAD = "stop it, choose another DATA_DIR, or give all of them one CENTRIFUGO_API_URL"


@contextlib.contextmanager
def sole_server(settings: Settings, url: str) -> Iterator[None]:
    """While the block lasts, refuse every other server on this DATA_DIR that would conflict with this one.

    One with an embedded hub is alone. Those with a Centrifugo may be several; on a database of its own, such a server
    has no use for DATA_DIR. Raises ClickException with a line that names the first server.
    """
    has_hub = not settings.centrifugo_api_url
    if not has_hub and not settings.embedded:
        yield
        return
    with _claimed(settings, fcntl.LOCK_EX if has_hub else fcntl.LOCK_SH, "another server", INSTEAD) as claim:
        os.ftruncate(claim, 0)
        if has_hub:
            with contextlib.suppress(OSError):  # a full volume: the lock is what counts
                os.pwrite(claim, f" (process {os.getpid()}, {url})".encode(), 0)
        yield


@contextlib.contextmanager
def no_server(settings: Settings) -> Iterator[None]:
    """While the block lasts, no server runs on the embedded database of this DATA_DIR, and none can start.

    A server whose database was moved away would go on writing there, where nobody would look for it.
    Raises ClickException with a line that names the server.
    """
    if not settings.embedded:
        yield
        return
    with _claimed(settings, fcntl.LOCK_EX, "a server", "stop it first") as claim:
        os.ftruncate(claim, 0)
        yield


@contextlib.contextmanager
def _claimed(settings: Settings, kind: int, who: str, advice: str) -> Iterator[int]:
    """The open file `serve.lock`, locked; it may name the process that has the lock."""
    folder = Path(settings.data_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        claim = os.open(folder / "serve.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise click.ClickException(f"DATA_DIR {folder.resolve()}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(claim, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            first = os.pread(claim, 1000, 0).decode()
            raise click.ClickException(f"{who} runs on DATA_DIR {folder.resolve()}{first}: {advice}") from None
        yield claim
    finally:
        os.close(claim)
