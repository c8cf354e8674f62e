"""What files hold while another process adds and removes them."""

import contextlib
import os
from pathlib import Path


def read_files(folder: Path, *, suffix: str = "") -> dict[str, bytes]:
    """What each file under `folder` with this suffix holds, by its path from there. What goes while this looks is left
    out.

    `Path.rglob` raises FileNotFoundError where a folder is removed between the moment it is listed and the moment it is
    opened; `os.walk` passes over it.
    """
    found: dict[str, bytes] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if not name.endswith(suffix):
                continue
            if not path.is_file():  # a socket, or gone
                continue
            with contextlib.suppress(FileNotFoundError):
                found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found
