"""Ids that the log names are never given to another person, and what cannot have happened is not imported."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner

from api.wiring import create_fold
from cli.main import main
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.values import UserId
from postgres import locks
from postgres.embedded import EmbeddedPostgres
from replay.archive.archive_reader import ArchiveRefused
from replay.archive.transfer import export
from replay.progress import unwatched
from replay.rebuild.rebuild import rebuild
from tests.conftest import database_like
from tests.support.archives import import_file
from tests.support.store import open_store

ADA, GRACE = UserId(1), UserId(4711)


@pytest.fixture
async def file(database_url: str, tmp_path: Path) -> Path:
    """The export of a log: opened, joined by ada, joined by grace, a message of each, grace leaves."""
    async with open_store(database_url) as store:
        room_id = await store.open_room(by=ADA)
        await store.chat.join_room(JoinRoom(room_id, GRACE))
        for user_id in (ADA, GRACE):
            await store.chat.post_message(PostMessage(room_id, user_id, "hello"))
        await store.chat.leave_room(LeaveRoom(room_id, GRACE))
        await export(store.database, tmp_path / "log.jsonl", unwatched)
    return tmp_path / "log.jsonl"


@pytest.fixture
async def elsewhere(postgres: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    async with database_like(template_database, "elsewhere_of_identities", postgres) as url:
        yield url


async def sign_up(dsn: str, tmp_path: Path) -> int:
    runner = CliRunner(env={"DATABASE_URL": dsn, "DATA_DIR": str(tmp_path)})
    arguments = ["user", "create", "mallory", "--password", "correct-horse-battery"]
    said = await asyncio.to_thread(runner.invoke, main, arguments)
    assert said.exit_code == 0, said.output
    return int(said.stdout)


async def test_a_sign_up_after_an_import_gets_no_id_of_the_log(elsewhere: str, file: Path, tmp_path: Path) -> None:
    await import_file(elsewhere, file)
    assert await sign_up(elsewhere, tmp_path) > GRACE


async def test_the_database_itself_gives_no_id_of_the_log(elsewhere: str, file: Path, tmp_path: Path) -> None:
    await import_file(elsewhere, file)
    await rebuild(create_fold(), elsewhere, unwatched)
    connection = await asyncpg.connect(elsewhere)
    await connection.execute("SELECT setval(pg_get_serial_sequence('users', 'user_id'), 1, false)")
    await connection.close()
    assert await sign_up(elsewhere, tmp_path) > GRACE


async def test_an_import_is_refused_while_a_service_publishes(elsewhere: str, file: Path) -> None:
    publishing = await asyncpg.connect(elsewhere)
    await locks.PUBLISHING.share(publishing)
    with pytest.raises(ArchiveRefused, match="a service publishes"):
        await import_file(elsewhere, file)
    assert await publishing.fetchval("SELECT count(*) FROM stored_events") == 0
    await publishing.close()
    assert (await import_file(elsewhere, file)).events == 6


IMPOSSIBLE = {
    "4: message_added of user 9, who is not a member": (4, b'\\"user_id\\":1,', b'\\"user_id\\":9,'),
    "6: user_left of user 9, who is not a member": (6, b'\\"user_id\\":4711', b'\\"user_id\\":9'),
    "3: user 1 joins, but is a member already": (3, b'\\"user_id\\":4711', b'\\"user_id\\":1'),
    "1: its user has an impossible id": (1, b'\\"opened_by\\":1', b'\\"opened_by\\":-1'),
    "2: a room is opened by its first event only": (2, b"", b""),
}


def make_impossible(file: Path, position: int, before: bytes, after: bytes) -> None:
    """Change one line, and sign the file again. Nothing to replace: the second line opens the room once more."""
    lines = file.read_bytes().splitlines(keepends=True)
    assert before in lines[position]
    lines[position] = lines[position].replace(before, after)
    if not before:
        opened = json.loads(lines[1])
        state = opened["state"].replace('"originator_version":1', '"originator_version":2')
        line = json.loads(lines[position]) | {"topic": opened["topic"], "state": state}
        lines[position] = json.dumps(line).encode() + b"\n"
    manifest = json.loads(lines[-1]) | {"sha256": hashlib.sha256(b"".join(lines[:-1])).hexdigest()}
    file.write_bytes(b"".join(lines[:-1]) + json.dumps(manifest).encode() + b"\n")


@pytest.mark.parametrize("reason", IMPOSSIBLE)
async def test_what_cannot_have_happened_is_refused_before_anything_is_recorded(
    elsewhere: str, file: Path, reason: str
) -> None:
    make_impossible(file, *IMPOSSIBLE[reason])
    position, _, why = reason.partition(": ")
    with pytest.raises(ArchiveRefused, match=f"position {position} cannot have happened: {why}"):
        await import_file(elsewhere, file)
    connection = await asyncpg.connect(elsewhere)
    assert await connection.fetchval("SELECT count(*) FROM stored_events") == 0
    await connection.close()
