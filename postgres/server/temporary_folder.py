"""Folders with predictable names under the temporary directory, where another account may have taken the name."""

import os
import stat
import tempfile
from pathlib import Path

from postgres.errors import EmbeddedPostgresError


def temporary(name: str) -> Path:
    """Where our folder of this name is, or would be."""
    return Path(tempfile.gettempdir()) / f"onrecord-{name}"


def make_private(place: Path, *, owner: int) -> None:
    """Make `place` a folder that only the account `owner` may use, or see that it is one already.

    Raises EmbeddedPostgresError when something else has that name.
    """
    try:
        place.mkdir(mode=0o700)
    except FileExistsError:
        refuse_unless_ours(place, owners={owner, os.geteuid()}, forbidden=0o077)
    if place.lstat().st_uid != owner:
        os.chown(place, owner, -1, follow_symlinks=False)


def refuse_unless_ours(place: Path, *, owners: set[int], forbidden: int) -> None:
    """Raises EmbeddedPostgresError unless `place` is a real folder of one of `owners`, with no bit of `forbidden`.

    A symbolic link is refused: its owner decides where it leads.
    """
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners or found.st_mode & forbidden:
        raise EmbeddedPostgresError(
            f"{place} was not made by onrecord (owner {found.st_uid}, mode {stat.filemode(found.st_mode)}): "
            "see who put it there, remove it, or set TMPDIR to another folder"
        )
