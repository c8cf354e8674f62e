"""Files of messages go with the log, byte for byte; what was erased does not come back."""

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from postgres.embedded import EmbeddedPostgres
from tests.conftest import database_like
from tests.integration.conftest import StartServer, Visit
from tests.support.archives import change_and_sign
from tests.support.people import Person

Run = Callable[..., Awaitable[Result]]
BIG = bytes(range(256)) * 8000
"""More than one piece."""


@pytest.fixture
async def elsewhere(postgres: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    """Another database with nothing in it."""
    async with database_like(template_database, f"files_of_{os.getpid()}", postgres) as url:
        yield url


@pytest.fixture
def onrecord(database_url: str, tmp_path: Path) -> Run:
    """A command, on the database of the test and its files, unless others are named."""

    async def run(*arguments: str, on: str = database_url, folder: Path = tmp_path) -> Result:
        settings = {"DATABASE_URL": on, "DATA_DIR": str(folder)}
        return await asyncio.to_thread(CliRunner(env=settings).invoke, main, list(arguments))

    return run


@pytest.fixture
async def messages(visit: Visit, admin: Person) -> dict[str, Any]:
    """Ada's messages with their files: a big one, an empty one and another's; one that was erased; one never named."""
    ada = await visit("ada")
    room = await ada.open_room("General")

    async def upload(name: str, data: bytes) -> str:
        sent = await ada.post(f"/api/rooms/{room}/attachments/", raw=data, headers={"X-File-Name": name})
        return str(sent.body["id"])

    async def say(content: str, *uploads: str) -> Any:
        answer = await ada.post(f"/api/rooms/{room}/messages/", {"content": content, "attachments": list(uploads)})
        assert answer.status == 201, answer.raw
        return answer.body

    kept = await say("both", await upload("big.bin", BIG), await upload("empty", b""))
    alone = await say("", await upload("ü.txt", b"alone"))
    erased = await say("gone", await upload("gone.txt", b"erased bytes"))
    await upload("unused", b"unused bytes")
    gone = await admin.post(f"/api/rooms/{room}/erase/", {"versions": [erased["id"]], "why": "asked", "dry_run": False})
    assert gone.status == 200, gone.raw
    return {"room": room, "kept": kept, "alone": alone}


@pytest.fixture
async def file(messages: dict[str, Any], onrecord: Run, tmp_path: Path) -> Path:
    exported = await onrecord("events", "export", "--with-accounts", str(tmp_path / "all.jsonl"))
    assert (exported.exit_code, exported.stdout.endswith("and 3 files of messages\n")) == (0, True), exported.output
    return tmp_path / "all.jsonl"


def lines(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


async def test_files_come_out_of_an_import_byte_for_byte(
    messages: dict[str, Any],
    file: Path,
    elsewhere: str,
    onrecord: Run,
    tmp_path: Path,
    start_server: StartServer,
    visit: Visit,
) -> None:
    other = tmp_path / "other"
    for done in (3, 0):
        imported = await onrecord("events", "import", str(file), on=elsewhere, folder=other)
        assert (imported.exit_code, imported.stdout.splitlines()[-1]) == (0, f"and {done} of 3 files of messages")
    assert (await onrecord("projections", "rebuild", on=elsewhere, folder=other)).exit_code == 0
    server = await start_server(database_url=elsewhere, data_dir=str(other))
    ada = await visit(at=server)
    await ada.log_in("ada")
    room = messages["room"]
    for name, contents in (("kept", [BIG, b""]), ("alone", [b"alone"])):
        message = messages[name]
        shown = (await ada.get(f"/api/rooms/{room}/messages/")).body["results"]
        assert message["attachments"] == next(each for each in shown if each["id"] == message["id"])["attachments"]
        for attached, data in zip(message["attachments"], contents, strict=True):
            got = await ada.get(f"/api/rooms/{room}/messages/{message['id']}/attachments/{attached['id']}/")
            assert (got.status, got.raw) == (200, data)


async def test_neither_erased_nor_unused_bytes_are_in_a_file_and_none_on_request(
    file: Path, onrecord: Run, tmp_path: Path, elsewhere: str
) -> None:
    pieces = b"".join(base64.b64decode(each["piece"]) for each in lines(file) if "piece" in each)
    assert pieces.replace(b"alone", b"") == BIG
    assert lines(file)[0] == {"format": "onrecord-events", "version": 3, "accounts": True}
    for option in ("--without-content", "--without-files"):
        exported = await onrecord("events", "export", option, "--overwrite", str(file))
        assert (exported.exit_code, "files" in exported.stdout) == (0, False)
        assert lines(file)[0]["version"] == 1
        assert not [line for line in lines(file) if "piece" in line]
    imported = await onrecord("events", "import", str(file), on=elsewhere, folder=tmp_path / "other")
    assert imported.exit_code == 0
    assert imported.stderr.splitlines()[-1].startswith("3 files of messages are not in all.jsonl: ")


async def test_a_file_whose_bytes_are_missing_is_told_and_the_rest_is_exported(
    messages: dict[str, Any], onrecord: Run, tmp_path: Path
) -> None:
    upload_id = messages["alone"]["attachments"][0]["id"].replace("-", "")
    stored = tmp_path / "attachments" / upload_id[:2] / upload_id[2:]
    stored.write_bytes(b"other")
    for _ in range(2):
        exported = await onrecord("events", "export", "--overwrite", str(tmp_path / "log.jsonl"))
        assert (exported.exit_code, exported.stdout.splitlines()[-1]) == (1, "and 2 files of messages")
        assert messages["alone"]["attachments"][0]["id"] in exported.stderr
        stored.unlink(missing_ok=True)


def changed_piece(body: list[bytes]) -> list[bytes]:
    """One byte of a file is another."""
    place = next(place for place, line in enumerate(body) if line.startswith(b'{"piece":'))
    piece = bytearray(base64.b64decode(json.loads(body[place])["piece"]))
    piece[0] ^= 1
    return [
        *body[:place],
        json.dumps({"piece": base64.b64encode(piece).decode()}).replace(" ", "").encode() + b"\n",
        *body[place + 1 :],
    ]


def changed_claim(body: list[bytes]) -> list[bytes]:
    """A line about a file says that it is another user's."""
    return [
        line.replace(b'"name":"empty"', b'"name":"empty"').replace(b'"user_id":', b'"user_id":9')
        if line.startswith(b'{"file":')
        else line
        for line in body
    ]


def without_piece(body: list[bytes]) -> list[bytes]:
    place = next(place for place, line in enumerate(body) if line.startswith(b'{"piece":'))
    return [*body[:place], *body[place + 1 :]]


def doubled(body: list[bytes]) -> list[bytes]:
    place = next(place for place, line in enumerate(body) if line.startswith(b'{"piece":'))
    return [*body[:place], body[place], *body[place:]]


@pytest.mark.parametrize("change", [changed_piece, changed_claim, without_piece, doubled])
async def test_a_file_that_is_not_that_of_its_event_is_refused_and_nothing_is_recorded(
    file: Path, elsewhere: str, onrecord: Run, tmp_path: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    change_and_sign(file, change)
    refused = await onrecord("events", "import", str(file), on=elsewhere, folder=tmp_path / "other")
    assert (refused.exit_code, refused.stderr.splitlines()[-1].startswith("Error: ")) == (1, True), refused.output
    assert "file" in refused.stderr or "bytes" in refused.stderr
    connection = await asyncpg.connect(elsewhere)
    assert await connection.fetchval("SELECT count(*) FROM stored_events") == 0
    await connection.close()
