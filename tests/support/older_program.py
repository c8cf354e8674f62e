"""A program of an older release: a copy of this one, with a lower version of the fold."""

import shutil
import sys
from pathlib import Path

from projections.readmodels.projection import RoomsProjection

ROOT = Path(__file__).resolve().parents[2]
VERSION = RoomsProjection.version - 1
"""The version of its fold."""

NOT_PACKAGED = {"tests", "benchmarks"}


def older_program(folder: Path) -> Path:
    """Put the program into `folder`; returns what to run."""
    for part in ROOT.iterdir():
        is_part = (part / "__init__.py").exists() or part.name in ("migrations", "static", "templates")
        if is_part and part.name not in NOT_PACKAGED:
            shutil.copytree(part, folder / part.name)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    projection = folder / "projections/readmodels/projection.py"
    text = projection.read_text()
    older = text.replace(f"    version = {RoomsProjection.version}\n", f"    version = {VERSION}\n")
    assert older != text
    projection.write_text(older)
    program = folder / "onrecord"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(folder)!r})\nfrom cli.main import main\nmain()\n"
    )
    program.chmod(0o755)
    return program
