"""Where a command shows the id of a room or of a user to people, the name stands beside it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from click.testing import CliRunner, Result

from api.settings import Settings
from cli.main import main
from cli.support.environment import chat_core
from domain.room.messages import PostMessage
from domain.room.naming import RenameRoom
from domain.room.opening import OpenRoom
from domain.values import RoomId
from tests.support.people import PASSWORD

Run = Callable[..., Result]


@pytest.fixture
def onrecord(database_url: str, tmp_path: Path) -> Run:
    def run(*arguments: str) -> Result:
        settings = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)}
        return CliRunner(env=settings).invoke(main, list(arguments))

    return run


@pytest.fixture
def room_id(database_url: str) -> RoomId:
    """The room `Steam engines` of ada: opened, joined, a message, and renamed."""

    async def record() -> RoomId:
        async with chat_core(Settings(database_url=database_url)) as (core, accounts):
            ada = await accounts.sign_up("ada", PASSWORD)
            opened = await core.chat.open_room(OpenRoom("Engines", ada.id))
            room_id = RoomId(opened.event.originator_id)
            await core.chat.post_message(PostMessage(room_id, ada.id, "hello"))
            await core.chat.rename_room(RenameRoom(room_id, ada.id, "Steam engines"))
            return room_id

    return asyncio.run(record())


def change(database_url: str, *statements: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(database_url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(execute())


def test_in_lists_of_events(onrecord: Run, room_id: RoomId) -> None:
    for command in (("list",), ("tail",), ("search", "hello")):
        lines = onrecord("events", *command).stdout.splitlines()
        assert lines
        assert all(f"{room_id}  Steam engines " in line for line in lines), lines
        assert all("  ada" in line for line in lines)
    shown = [line.split(maxsplit=1) for line in onrecord("events", "show", "3").stdout.splitlines()]
    assert {("room", "Steam engines"), ("room_id", str(room_id)), ("user", "ada")} <= {tuple(line) for line in shown}


def test_in_lists_of_dead_letters(onrecord: Run, database_url: str, room_id: RoomId) -> None:
    columns, unknown = "(lane, position, room_id, version, reason)", uuid4()
    change(
        database_url,
        f"INSERT INTO dead_letters {columns} VALUES (0, 3, '{room_id}', 3, 'too large'), (0, 9, '{unknown}', 1, 'odd')",
    )
    known, other = onrecord("fanout", "dead-letters", "list").stdout.splitlines()
    assert f"  {room_id} (Steam engines) version 3  too large" in known
    assert f"  {unknown} version 1  odd" in other


def test_in_what_verify_finds(onrecord: Run, database_url: str, room_id: RoomId) -> None:
    change(
        database_url,
        "UPDATE messages SET content = 'never said'",
        "UPDATE memberships SET joined_version = joined_version + 1",
    )
    found = onrecord("projections", "verify").stdout
    assert f"messages: room_id {room_id} (Steam engines), version 3\n" in found
    assert f"memberships: room_id {room_id} (Steam engines), user_id 1 (ada)" in found
    repaired = onrecord("projections", "rebuild", "--room", "Steam engines").stdout
    assert f"messages: room_id {room_id} (Steam engines), version 3\n" in repaired


def test_in_the_record_of_what_operators_did(onrecord: Run, room_id: RoomId) -> None:
    assert onrecord("projections", "rebuild", "--room", "Steam engines").exit_code == 0
    recorded = [json.loads(line) for line in onrecord("actions", "--json").stdout.splitlines()]
    assert [action["subject"] for action in recorded] == [f"room {room_id} (Steam engines)"]
