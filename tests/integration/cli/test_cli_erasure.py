"""The commands that erase: a dry run unless it is meant, on record, and everywhere it says when and why."""

import asyncio
import json

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from domain.room.messages import PostMessage
from domain.values import RoomId
from tests.support.given_when_then import ADA
from tests.support.store import Store

WHY, SAID = "asked for in letter 17", "a telephone number"


@pytest.fixture
async def room(store: Store) -> RoomId:
    """Version 3 and 4 are messages."""
    room = await store.open_room("General")
    await store.chat.post_message(PostMessage(room, ADA, SAID))
    await store.chat.post_message(PostMessage(room, ADA, "harmless"))
    return room


@pytest.fixture
def onrecord(database_url: str, tmp_path: object) -> "Run":
    return Run({"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)})


class Run:
    """Runs a command as the shell would; it must end well unless an exit code is given."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._runner = CliRunner(env=settings)

    async def __call__(self, *arguments: str, exit_code: int = 0) -> Result:
        result = await asyncio.to_thread(self._runner.invoke, main, list(arguments))
        assert result.exit_code == exit_code, result.output
        return result


async def test_nothing_is_erased_unless_it_is_meant(onrecord: Run, room: RoomId) -> None:
    shown = await onrecord("message", "erase", "General", "3", "4", "--why", WHY)
    assert f"would erase in {room}: version 3, 4" in shown.stdout
    assert "nothing was erased: repeat the command with --yes" in shown.stdout
    assert SAID in (await onrecord("room", "show", "General")).stdout
    assert (await onrecord("actions")).stdout == ""


async def test_an_erased_message_says_so_in_every_command(onrecord: Run, room: RoomId) -> None:
    receipt = json.loads(
        (await onrecord("message", "erase", str(room), "3", "--why", WHY, "--by", "hopper", "--yes", "--json")).stdout
    )
    assert (receipt["erased"], receipt["dry_run"]) == ([{"room_id": str(room), "versions": [3]}], False)
    for words in (
        ("room", "show", "General"),
        ("room", "show", "General", "--at", "3"),
        ("room", "show", "General", "--json"),
        ("room", "visible", "General", "3"),
        ("room", "visible", "General", "3", "--json"),
        ("room", "diff", "General", "2", "4"),
        ("room", "diff", "General", "2", "4", "--json"),
        ("events", "list"),
        ("events", "list", "--json"),
        ("events", "tail"),
        ("events", "show", "3"),
        ("events", "show", "3", "--json"),
    ):
        shown = (await onrecord(*words)).stdout
        assert SAID not in shown
        assert WHY in shown, words
    assert (await onrecord("events", "search", "telephone", exit_code=1)).stdout == ""
    assert WHY in (await onrecord("events", "search", "letter 17")).stdout
    (action,) = map(json.loads, (await onrecord("actions", "--json")).stdout.splitlines())
    assert (action["who"], action["subject"], action["why"]) == ("hopper", f"request {receipt['request']}", "")
    (event,) = map(
        json.loads,
        (await onrecord("events", "list", "--type", "content_erased", "--json")).stdout.splitlines(),
    )
    assert (event["erased_by"], event["versions"], event["request"]) == (0, [3], receipt["request"])


async def test_old_messages_of_a_room_are_erased_by_their_age(onrecord: Run, room: RoomId, store: Store) -> None:
    await store.database.execute("UPDATE messages SET posted_at = now() - interval '8 days' WHERE version = 3")
    shown = await onrecord("room", "erase", "General", "--older-than", "7", "--why", WHY, "--yes")
    assert f"erased in {room}: version 3\n" in shown.stdout
    again = await onrecord("room", "erase", "General", "--older-than", "7", "--why", WHY, "--yes")
    assert again.stdout == "there is nothing to erase\n"


async def test_what_cannot_be_erased_is_one_line(onrecord: Run, room: RoomId) -> None:
    refused = await onrecord("message", "erase", "General", "2", "--why", WHY, "--yes", exit_code=1)
    assert "No words were recorded at version 2 of this room." in refused.stderr
