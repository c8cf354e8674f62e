"""Reading files while others remove them."""

import shutil
from pathlib import Path

import pytest

from tests.support.folders import read_files


def test_what_goes_meanwhile_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("", "going", "staying"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "file").write_bytes(b"x")
    read_bytes = Path.read_bytes

    def read_and_remove(path: Path) -> bytes:
        if path == tmp_path / "file":  # listed already: the folder that goes, and this file
            shutil.rmtree(tmp_path / "going")
            path.unlink()
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", read_and_remove)
    assert read_files(tmp_path) == {"staying/file": b"x"}
