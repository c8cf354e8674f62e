"""Seeing the log and travelling in time, from the command line."""

import asyncio
import json
import re
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner, Result

from api.settings import Settings
from cli.main import main
from cli.support.environment import chat_core
from domain.room import Room
from domain.room.discussion.editing import EditMessage
from domain.room.discussion.pinning import PinMessage
from domain.room.discussion.reacting import AddReaction
from domain.room.discussion.retracting import RetractMessage
from domain.room.membership import JoinRoom
from domain.room.messages import PostMessage
from domain.room.naming import RenameRoom
from domain.values import RoomId, UserId
from tests.support.people import PASSWORD
from tests.support.store import open_store

ADA, BOB = UserId(1), UserId(2)
ONRECORD = Path(sys.executable).with_name("onrecord")

Run = Callable[..., Result]


@pytest.fixture
def onrecord(database_url: str, tmp_path: Path) -> Run:
    def run(*arguments: str, **environment: str) -> Result:
        settings = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), **environment}
        return CliRunner(env=settings).invoke(main, list(arguments))

    return run


async def fetch(database_url: str, statement: str) -> list[tuple[int, ...]]:
    connection = await asyncpg.connect(database_url)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


def the_last_owner_leaves(room: Room) -> None:
    """As was possible before there were roles."""
    room.trigger_event(Room.UserLeft, user_id=ADA)


@pytest.fixture
def room_id(database_url: str) -> RoomId:
    """Two rooms: Engines (versions 1 and 2), and Bugs, whose positions are 3 to 8."""

    async def record() -> RoomId:
        async with open_store(database_url) as store:
            await store.open_room("Engines", by=BOB)
            bugs = await store.open_room("Bugs", by=ADA)
            await store.chat.post_message(PostMessage(bugs, ADA, "A moth!"))
            await store.chat.join_room(JoinRoom(bugs, BOB))
            await store.chat.post_message(PostMessage(bugs, BOB, "all \x1b[2Jmoths\nare shallow"))
            await store.rooms.change(bugs, the_last_owner_leaves)
            return bugs

    return asyncio.run(record())


def positions(result: Result) -> list[int]:
    assert result.exit_code == 0, result.output
    return [json.loads(line)["position"] for line in result.stdout.splitlines()]


@pytest.mark.usefixtures("room_id")
def test_events_are_listed_by_every_filter(onrecord: Run) -> None:
    for options, expected in (
        ("", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("--room bugs", [3, 4, 5, 6, 7, 8]),
        ("--user 2", [1, 2, 6, 7]),
        ("--type user_left --type message_added", [5, 7, 8]),
        ("--after 2 --to 4", [3, 4]),
        ("--since 2000-01-01 --limit 2", [1, 2]),
        ("--until 2000-01-01T00:00:00Z", []),
    ):
        assert positions(onrecord("events", "list", "--json", *options.split())) == expected, options


@pytest.mark.usefixtures("room_id")
def test_a_list_that_is_cut_says_so_on_standard_error(onrecord: Run, database_url: str) -> None:
    async def sign_up() -> None:
        async with chat_core(Settings(database_url=database_url)) as (_, accounts):
            await accounts.sign_up("ada", PASSWORD)
            await accounts.sign_up("bob", PASSWORD)

    asyncio.run(sign_up())
    for command in ("events list", "events search a*"):
        cut = onrecord(*command.split(), "--limit", "1", "--json")
        (line,) = cut.stdout.splitlines()
        assert f"stopped at --limit 1; --after {json.loads(line)['position']} continues\n" in cut.stderr
    for command, total in (("room list", 2), ("user list", 2)):
        cut = onrecord(*command.split(), "--limit", "1", "--json")
        assert len([json.loads(line) for line in cut.stdout.splitlines()]) == 1
        assert f"1 of {total}; --limit 0 shows all\n" in cut.stderr
        for limit in ("0", "2", "1000"):
            whole = onrecord(*command.split(), "--limit", limit)
            assert (len(whole.stdout.splitlines()), "--limit" in whole.stderr) == (total, False)


@pytest.mark.usefixtures("room_id")
def test_the_newest_events_are_the_tail(onrecord: Run) -> None:
    assert positions(onrecord("events", "tail", "-n", "2", "--json")) == [7, 8]
    assert positions(onrecord("events", "tail", "-n", "2", "--room", "Engines", "--json")) == [1, 2]


async def test_the_tail_follows_what_is_recorded(database_url: str, tmp_path: Path) -> None:
    async with open_store(database_url) as store:
        room_id = await store.open_room("Bugs")
        process = await asyncio.create_subprocess_exec(
            *(ONRECORD, "events", "tail", "-n", "1", "-f", "--json"),
            env={"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        assert json.loads(await process.stdout.readline())["position"] == 2
        await store.chat.post_message(PostMessage(room_id, ADA, "live"))
        assert json.loads(await process.stdout.readline())["content"] == "live"
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0


@pytest.mark.usefixtures("room_id")
@pytest.mark.parametrize("indexed", [0, 5, 8])
def test_a_search_finds_words_in_messages_and_names_and_says_when_there_are_none(
    onrecord: Run, indexed: int, database_url: str
) -> None:
    async def index() -> None:
        async with open_store(database_url) as store:
            await store.search_index.go_on()
            if indexed < 8:  # what an older installation still lacks
                await store.database.execute("DELETE FROM search_index WHERE event > $1", indexed)
                await store.database.execute(
                    "UPDATE checkpoints SET position = $1 WHERE projection = 'search'", indexed
                )

    asyncio.run(index())
    for query, expected in (
        ("MOTH", [5]),
        ("a*", [5, 7]),
        ("'\"all 2jmoths\" in:bugs'", [7]),
        ("engines", [1]),
        ("are --room bugs --after 5", [7]),
        ("are --to 6", []),
        ("a --user 1 --type message_added", [5]),
        ("'before:2001-01-01 are'", []),
        ("'in:Bugs a* after:2001-01-01' --limit 1", [5]),
    ):
        found = onrecord("events", "search", *shlex.split(query), "--json")
        assert ([json.loads(line)["position"] for line in found.stdout.splitlines()]) == expected, query
        assert found.exit_code == (0 if expected else 1), query
    refused = onrecord("events", "search", "in:Nowhere moth")
    assert (refused.exit_code, refused.stderr) == (1, "Error: q: in: names no room.\n")


def test_an_event_is_shown_whole_and_one_that_is_not_there_is_a_finding(onrecord: Run, room_id: RoomId) -> None:
    shown = json.loads(onrecord("events", "show", "7", "--json").stdout)
    assert (shown["room_id"], shown["version"], shown["user_id"]) == (str(room_id), 5, 2)
    assert shown["content"] == "all \x1b[2Jmoths\nare shallow"
    missing = onrecord("events", "show", "9")
    assert (missing.exit_code, missing.stderr) == (1, "Error: there is no event at position 9\n")


@pytest.mark.usefixtures("room_id")
def test_nothing_that_people_wrote_commands_the_terminal(onrecord: Run) -> None:
    for command in ("events list", "events show 7", "room show Bugs", "room diff Bugs 1 6"):
        shown = onrecord(*command.split())
        assert shown.exit_code == 0, shown.output
        assert "moths" in shown.stdout
        assert "\x1b" not in shown.stdout


@pytest.mark.usefixtures("room_id")
def test_the_log_is_counted(onrecord: Run) -> None:
    counted = json.loads(onrecord("events", "stats", "--json").stdout)
    assert (counted["position"], counted["events"], counted["rooms"]) == (8, 8, 2)
    assert counted["by_type"] == {"user_joined": 3, "message_added": 2, "room_opened": 2, "user_left": 1}
    assert sum(counted["by_day"].values()) == 8
    assert counted["streams"] == {"count": 2, "shortest": 2, "median": 2, "longest": 6}
    assert counted["events_per_second"]["last_minute"] == pytest.approx(8 / 60)
    assert counted["bytes"] > 0
    assert onrecord("events", "stats").exit_code == 0


@pytest.mark.usefixtures("room_id")
def test_what_the_disk_holds_is_shown_by_table(onrecord: Run, database_url: str) -> None:
    sizes = json.loads(onrecord("db", "stats", "--json").stdout)
    assert (sizes["events"], sizes["messages"]) == (8, 2)
    tables = {table["name"]: table for table in sizes["tables"]}
    (whole,) = asyncio.run(fetch(database_url, "SELECT pg_total_relation_size('bodies')"))[0]
    bodies = tables["bodies"]
    assert bodies["heap"] + bodies["indexes"] + bodies["other"] == whole
    assert [index["name"] for index in bodies["by_index"]] == ["bodies_pkey"]
    assert bodies["indexes"] == sum(index["bytes"] for index in bodies["by_index"]) > 0
    everything = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    assert [(len(tables),)] == asyncio.run(fetch(database_url, everything))


@pytest.mark.usefixtures("room_id")
def test_bytes_are_shown_per_event_and_per_message(onrecord: Run, database_url: str) -> None:
    (whole,) = asyncio.run(fetch(database_url, "SELECT pg_total_relation_size('bodies')"))[0]
    shown = onrecord("db", "stats", "--all").stdout.splitlines()
    (bodies,) = (line.split() for line in shown if line.startswith("bodies "))
    assert (bodies[2], bodies[-2:]) == (f"{whole:,}", [f"{whole / 8:,.1f}", f"{whole / 2:,.1f}"])
    assert any(line.startswith("  bodies_pkey ") for line in shown)
    assert not any(line.startswith("  ") for line in onrecord("db", "stats").stdout.splitlines())


def test_a_room_is_shown_as_it_was_at_each_version(onrecord: Run, room_id: RoomId) -> None:
    def at(version: str) -> tuple[list[int], list[str]]:
        then = json.loads(onrecord("room", "show", str(room_id), "--at", version, "--json").stdout)
        assert (then["name"], then["version"]) == ("Bugs", int(version))
        return then["members"], [message["content"][:3] for message in then["messages"]]

    assert [at(str(version)) for version in range(1, 7)] == [
        ([], []),
        ([1], []),
        ([1], ["A m"]),
        ([1, 2], ["A m"]),
        ([1, 2], ["A m", "all"]),
        ([2], ["A m", "all"]),
    ]


@pytest.mark.usefixtures("room_id")
def test_a_room_is_shown_as_it_was_at_a_time(onrecord: Run) -> None:
    said = json.loads(onrecord("events", "show", "5", "--json").stdout)["occurred_at"]
    then = json.loads(onrecord("room", "show", "Bugs", "--at", said, "--json").stdout)
    assert then["version"] == 3
    before = onrecord("room", "show", "Bugs", "--at", "2000-01-01")
    assert (before.exit_code, before.stderr.count("\n")) == (1, 1)


@pytest.mark.usefixtures("room_id")
def test_the_difference_of_two_versions_is_who_came_and_went_and_what_was_said(onrecord: Run) -> None:
    found = json.loads(onrecord("room", "diff", "Bugs", "3", "6", "--json").stdout)
    assert (found["joined"], found["left"], [message["version"] for message in found["said"]]) == ([2], [1], [5])


@pytest.fixture
def renamed(database_url: str, room_id: RoomId) -> None:
    """Version 7 renames Bugs."""

    async def rename() -> None:
        async with open_store(database_url) as store:
            await store.chat.rename_room(RenameRoom(room_id, BOB, "Moths"))

    asyncio.run(rename())


@pytest.mark.usefixtures("renamed")
def test_a_room_that_was_renamed_is_found_by_its_name_and_shown_with_the_one_it_had(onrecord: Run) -> None:
    assert positions(onrecord("events", "search", "moths", "--type", "room_renamed", "--json")) == [9]
    assert json.loads(onrecord("events", "show", "9", "--json").stdout)["name"] == "Moths"
    assert re.search(r"room_renamed +user 2: Moths", onrecord("events", "list", "--room", "moths").stdout)
    assert onrecord("room", "show", "Bugs").exit_code == 1
    shown = [json.loads(onrecord("room", "show", "Moths", "--at", at, "--json").stdout)["name"] for at in ("6", "7")]
    assert shown == ["Bugs", "Moths"]
    changed = onrecord("room", "diff", "Moths", "6", "7")
    assert changed.stdout == "Moths: version 6 to 7\nrenamed from Bugs\n"
    found = json.loads(onrecord("room", "diff", "Moths", "6", "7", "--json").stdout)
    assert (found["name_before"], found["name"]) == ("Bugs", "Moths")
    assert "renamed" not in onrecord("room", "diff", "Moths", "5", "6").stdout


@pytest.mark.usefixtures("room_id")
def test_a_message_was_visible_to_the_members_then_and_to_those_who_joined_later(onrecord: Run) -> None:
    found = json.loads(onrecord("room", "visible", "Bugs", "3", "--json").stdout)
    assert (found["members_then"], found["joined_later"]) == ([1], [2])
    shown = onrecord("room", "visible", "Bugs", "5")
    assert "user 1, user 2" in shown.stdout
    assert onrecord("room", "visible", "Bugs", "4").exit_code == 1


@pytest.mark.usefixtures("room_id")
def test_a_moment_that_has_not_come_is_a_finding(onrecord: Run) -> None:
    for command, reason in (
        ("show Bugs --at 7", "yet; the newest is 6"),
        ("visible Bugs 7", "yet; the newest is 6"),
        ("diff Bugs 3 7", "yet; the newest is 6"),
        ("diff Bugs 6 3", "version 3 is not after version 6"),
    ):
        refused = onrecord("room", *command.split())
        assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1), refused.output
        assert reason in refused.stderr


def test_what_cannot_be_read_is_one_clear_line(onrecord: Run) -> None:
    for command in ("events list --room nowhere", "events list --user nobody", "room show nowhere"):
        refused = onrecord(*command.split())
        assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1), refused.output
    away = onrecord("events", "list", DATABASE_URL="postgresql://localhost:1/none")
    assert (away.exit_code, away.stderr.count("\n")) == (1, 1)
    for command in ("events list --since noon", "events show x", "room show x --at y"):
        wrong = onrecord(*command.split())
        assert (wrong.exit_code, wrong.stderr.count("\n")) == (2, 1), wrong.stderr


def test_every_command_of_these_has_help_with_an_example(onrecord: Run) -> None:
    commands = [("events", name) for name in ("list", "show", "tail", "stats", "search")]
    commands += [("room", name) for name in ("show", "diff", "visible")]
    for command in commands:
        assert f"\n  onrecord {' '.join(command)}" in onrecord(*command, "--help").stdout


def test_what_was_done_about_messages_is_shown_at_each_moment_and_retracted_words_are_not_found(
    onrecord: Run, room_id: RoomId, database_url: str
) -> None:
    async def discuss() -> None:
        async with open_store(database_url) as store:
            about = (room_id, BOB, 5)
            await store.discussion.edit(EditMessage(*about, "a cocoon"))  # 7
            await store.discussion.react(AddReaction(*about, "👍"))
            await store.chat.post_message(PostMessage(room_id, BOB, "indeed", reply_to=5))
            await store.discussion.pin(PinMessage(*about))
            await store.discussion.retract(RetractMessage(*about, "by mistake"))  # 11

    asyncio.run(discuss())
    shown = {at: onrecord("room", "show", "Bugs", "--at", str(at)).stdout for at in (6, 10, 11)}
    assert "all  [2Jmoths are shallow" in shown[6]
    assert "a cocoon  (edited, pinned, 👍 1)" in shown[10]
    assert "indeed  (answers 5)" in shown[10]
    assert re.search(r"\(retracted .*: by mistake\)", shown[11])
    assert "cocoon" not in shown[11]
    then = json.loads(onrecord("room", "show", "Bugs", "--at", "10", "--json").stdout)["messages"][1]
    assert (then["content"], then["reactions"], then["pinned"]) == ("a cocoon", {"👍": [BOB]}, True)
    changed = json.loads(onrecord("room", "diff", "Bugs", "6", "10", "--json").stdout)
    assert [each["content"] for each in changed["edited"]] == ["a cocoon"]
    changed = json.loads(onrecord("room", "diff", "Bugs", "10", "11", "--json").stdout)
    assert changed["retracted"] == [5]
    assert "a cocoon" in onrecord("room", "visible", "Bugs", "7").stdout
    for words in ("cocoon", "shallow"):
        assert onrecord("events", "search", words).exit_code == 1  # none
    assert len(positions(onrecord("events", "search", "indeed", "--json"))) == 1
    assert len(positions(onrecord("events", "search", "by mistake", "--json"))) == 1
