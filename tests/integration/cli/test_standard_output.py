"""Commands whose output goes where it cannot: a reader that left, a full disk, a terminal of few characters."""

import os
import subprocess
from pathlib import Path

import pytest

from domain.room.messages import PostMessage
from tests.support.given_when_then import ADA
from tests.support.serving import ONRECORD
from tests.support.store import open_store


@pytest.fixture
async def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    """Of commands on a log of some messages."""
    async with open_store(database_url) as store:
        room_id = await store.open_room("Grüße")
        for _ in range(50):
            await store.chat.post_message(PostMessage(room_id, ADA, "Łódź " * 200))
    return {"PATH": os.environ["PATH"], "DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)}


COMMANDS = (
    *("events list", "events list --json", "events tail -n 50", "events search grusse"),
    *("room show Grüße", "--help"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_closed_pipe_is_not_an_error(environment: dict[str, str], command: str) -> None:
    process = subprocess.Popen(
        [ONRECORD, *command.split()], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, b"")


@pytest.mark.parametrize("command", [*COMMANDS, "projections verify", "user list"])
def test_a_closed_pipe_is_not_an_error_when_errors_go_there_too(environment: dict[str, str], command: str) -> None:
    """As with `2>&1 | head`: the remark that names the database has no reader either."""
    reader, writer = os.pipe()
    os.close(reader)
    run = subprocess.run([ONRECORD, *command.split()], env=environment, stdout=writer, stderr=writer, timeout=60)
    os.close(writer)
    assert run.returncode == 0


def test_a_remark_that_cannot_be_written_does_not_fail_a_command(environment: dict[str, str]) -> None:
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            [ONRECORD, "user", "list"], env=environment, stdout=subprocess.PIPE, stderr=full, timeout=60
        )
        assert run.returncode == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_one_line(environment: dict[str, str], command: str) -> None:
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            [ONRECORD, *command.split()], env=environment, stdout=full, stderr=subprocess.PIPE, timeout=60
        )
    assert (run.returncode, run.stderr) == (1, b"Error: cannot write the output: No space left on device\n")


def test_a_terminal_that_lacks_characters_gets_escapes(environment: dict[str, str]) -> None:
    for command in ("db init", "events tail -n 1", "projections verify"):
        run = subprocess.run(
            [ONRECORD, *command.split()],
            env={**environment, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0", "LC_ALL": "C"},
            capture_output=True,
            timeout=60,
        )
        assert run.returncode == 0, run.stderr
        if command == "events tail -n 1":
            assert b"\\u0141\xf3d\\u017a" in run.stdout
