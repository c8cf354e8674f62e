"""`onrecord attachments verify`: files that are missing, altered, left over, or still there after an erasure."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.integration.conftest import Visit
from tests.support.conditions import eventually
from tests.support.people import Person

Run = Callable[..., Awaitable[Result]]


@pytest.fixture
def verify(database_url: str, tmp_path: Path) -> Run:
    async def run(*arguments: str) -> Result:
        runner = CliRunner(env={"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)})
        return await asyncio.to_thread(runner.invoke, main, ["attachments", "verify", *arguments])

    return run


def stored(folder: Path, upload_id: str) -> Path:
    name = UUID(upload_id).hex
    return folder / "attachments" / name[:2] / name[2:]


async def send(person: Person, room: str, *files: bytes) -> tuple[int, list[str]]:
    """A message with files: its version, and the ids of the uploads."""
    uploads = []
    for data in files:
        sent = await person.post(f"/api/rooms/{room}/attachments/", raw=data, headers={"X-File-Name": "a"})
        uploads.append(str(sent.body["id"]))
    said = await person.post(f"/api/rooms/{room}/messages/", {"content": "x", "attachments": uploads})
    return int(said.body["id"]), uploads


async def test_every_file_is_compared_with_the_log(
    visit: Visit, verify: Run, tmp_path: Path, database_url: str
) -> None:
    ada = await visit("ada")
    room = await ada.open_room("General")
    _, (whole, missing, longer, altered, renamed) = await send(ada, room, *[b"%d23" % n for n in range(5)])
    await ada.post(f"/api/rooms/{room}/attachments/", raw=b"unused", headers={"X-File-Name": "a"})
    good = await verify()
    assert (good.exit_code, good.stdout) == (0, "5 files of messages, 15 bytes: all are there, as the log says\n")
    stored(tmp_path, missing).unlink()
    stored(tmp_path, longer).write_bytes(b"0123")
    stored(tmp_path, altered).write_bytes(b"xyz")
    stray = str(uuid4())
    stored(tmp_path, stray).parent.mkdir(exist_ok=True)
    stored(tmp_path, stray).write_bytes(b"stray")
    (tmp_path / "attachments" / "not ours").write_bytes(b"")
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE uploads SET size = 9 WHERE upload_id = $1", UUID(renamed))
    await connection.close()
    bad = await verify()
    assert bad.exit_code == 1
    found = bad.stdout.splitlines()
    assert len(found) == 5
    for upload_id, what in (
        (missing, "its bytes are missing"),
        (longer, "it has 4 bytes, the log says 3"),
        (altered, "its SHA-256 is 36"),
        (renamed, "what is kept about it is not what the log says"),
        (stray, "nothing names them"),
    ):
        assert len([line for line in found if upload_id in line and what in line]) == 1, (what, found)
    assert not [line for line in found if whole in line]
    as_json = [json.loads(line) for line in (await verify("--json")).stdout.splitlines()]
    assert (len(as_json), as_json[-1]["files"], as_json[-1]["findings"]) == (6, 5, 5)


async def test_bytes_of_erased_messages_that_are_still_there_are_found(
    visit: Visit, admin: Person, verify: Run, tmp_path: Path
) -> None:
    ada = await visit("ada")
    room = await ada.open_room("General")
    message, (gone,) = await send(ada, room, b"gone")
    kept = stored(tmp_path, gone).read_bytes()
    erased = await admin.post(f"/api/rooms/{room}/erase/", {"versions": [message], "why": "asked", "dry_run": False})
    assert erased.status == 200

    async def is_removed() -> bool:
        return not stored(tmp_path, gone).exists()

    await eventually(is_removed)
    assert (await verify()).exit_code == 0
    stored(tmp_path, gone).write_bytes(kept)  # from a backup
    left = await verify()
    assert (left.exit_code, left.stdout) == (1, f"FOUND  bytes of {gone}: nothing names them\n")
