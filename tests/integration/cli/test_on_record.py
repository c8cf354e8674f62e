"""Every command that changes anything is on record; every other one leaves no trace."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from domain.room.messages import PostMessage
from tests.support.every_command import (
    CHANGING,
    OF_A_SIGNED_LOG,
    OF_AUDITORS,
    ON_RECORD_OTHERWISE,
    READING,
    REASON_APART,
    TRIED_ELSEWHERE,
    command_line,
    commands,
)
from tests.support.given_when_then import ADA
from tests.support.people import PASSWORD
from tests.support.store import open_store

WHY = "to see it on record"

Run = Callable[..., Result]


@pytest.fixture
def onrecord(database_url: str, tmp_path: Path) -> Run:
    def run(*arguments: str) -> Result:
        settings = {
            "DATABASE_URL": database_url,
            "DATA_DIR": str(tmp_path),
            "DEMO": "yes",
            "SERVICE_PASSWORD": "as long as it takes",
        }
        return CliRunner(env=settings).invoke(main, list(arguments))

    return run


def test_every_command_is_known_to_read_or_to_change() -> None:
    assert sorted(commands()) == sorted(
        READING | OF_AUDITORS | OF_A_SIGNED_LOG | ON_RECORD_OTHERWISE | TRIED_ELSEWHERE | set(CHANGING)
    )


async def test_what_a_command_changes_is_on_record(onrecord: Run, database_url: str, tmp_path: Path) -> None:
    archive = tmp_path / "log.jsonl"
    async with open_store(database_url) as store:
        room_id = await store.open_room("General")
        await store.chat.post_message(PostMessage(room_id, ADA, "hello"))

    def recorded() -> list[dict[str, str]]:
        return [json.loads(line) for line in onrecord("actions", "--json").stdout.splitlines()]

    def all_of_them() -> None:
        assert onrecord("events", "export", str(archive)).exit_code == 0
        assert onrecord("user", "create", "grace", "--password", PASSWORD).exit_code == 0
        for words, arguments in [*CHANGING.items(), ("projections rebuild", ("--room", "General"))]:
            before = recorded()
            given = [argument.format(archive=archive) for argument in arguments]
            result = onrecord(*words.split(), *given, "--why", WHY, "--by", "hopper")
            assert result.exit_code == 0, (words, result.output)
            after = recorded()
            assert after[: len(before)] == before
            new = after[len(before) :]
            assert new, f"{words} is not on record"
            why = "" if words in REASON_APART else WHY
            assert {(action["who"], action["why"]) for action in new} == {("hopper", why)}, words

    await asyncio.to_thread(all_of_them)


async def test_a_command_that_reads_leaves_no_trace(onrecord: Run, database_url: str, tmp_path: Path) -> None:
    async with open_store(database_url) as store:
        room_id = await store.open_room("General")
        await store.chat.post_message(PostMessage(room_id, ADA, "hello"))

    def all_of_them() -> None:
        for words in sorted(READING):
            result = onrecord(*command_line(words, tmp_path))
            assert result.exit_code == 0, (words, result.output)
        assert onrecord("actions").stdout == ""

    await asyncio.to_thread(all_of_them)


async def test_rooms_and_users_are_listed_by_name_and_id(onrecord: Run, database_url: str) -> None:
    def make() -> str:
        assert onrecord("user", "create", "ada", "--password", PASSWORD, "--admin").exit_code == 0
        assert onrecord("user", "create", "bob", "--password", PASSWORD).exit_code == 0
        assert onrecord("room", "create", "Steam engines", "--owner", "bob").exit_code == 0
        return onrecord("room", "create", "Looms", "--owner", "bob").stdout.strip()

    def listed(*words: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in onrecord(*words, "--json").stdout.splitlines()]

    looms = await asyncio.to_thread(make)
    rooms = await asyncio.to_thread(listed, "room", "list")
    assert [(room["name"], room["members"], room["messages"]) for room in rooms] == [
        ("Looms", 1, 0),
        ("Steam engines", 1, 0),
    ]
    assert [room["name"] for room in await asyncio.to_thread(listed, "room", "list", "ENGINE")] == ["Steam engines"]
    users = await asyncio.to_thread(listed, "user", "list")
    assert [(user["user_id"], user["username"], user["role"], user["rooms"]) for user in users] == [
        (1, "ada", "admin", 0),
        (2, "bob", "user", 2),
    ]
    shown = await asyncio.to_thread(onrecord, "user", "show", "bob")
    assert (shown.exit_code, "Looms" in shown.stdout, looms in shown.stdout) == (0, True, True)
    assert "argon2" not in json.dumps(await asyncio.to_thread(listed, "user", "show", "bob"))
    unknown = await asyncio.to_thread(onrecord, "user", "show", "7")
    assert (unknown.exit_code, unknown.stderr) == (1, "Error: No such user: 7.\n")
