"""`onrecord hold`, `retention` and `audit requests`: what they print, and what they refuse."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from domain.room.messages import PostMessage
from postgres.embedded import EmbeddedPostgres
from tests.conftest import database_like
from tests.support.custody import carry_out
from tests.support.given_when_then import ADA
from tests.support.store import open_store

WHY = ("--why", "a letter of 3 May")

Run = Callable[..., Result]


@pytest.fixture
def onrecord(database_url: str, tmp_path: Path) -> Run:
    def run(*arguments: str) -> Result:
        settings = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)}
        return CliRunner(env=settings).invoke(main, list(arguments))

    return run


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


async def test_a_hold_from_its_placing_to_its_end_and_what_waited_for_it(onrecord: Run, database_url: str) -> None:
    async with open_store(database_url) as store:
        room = await store.open_room("General")
        await store.chat.post_message(PostMessage(room, ADA, "a telephone number"))

    def place() -> None:
        placed = onrecord("hold", "place", "--case", "Ada v Bob", "--user", "1", "--room", "general", *WHY)
        assert (placed.exit_code, placed.stdout) == (0, "2\n"), placed.output
        (shown,) = lines(onrecord("hold", "list", "--json"))
        expected = {"hold": 2, "case": "Ada v Bob", "why": WHY[1], "person_id": 1, "room_id": str(room), "placed_by": 0}
        assert shown.items() >= expected.items()
        text = onrecord("hold", "list").stdout
        assert f"Ada v Bob  words that user 1 (1) typed in {room} (General)  placed " in text
        assert f" by operator: {WHY[1]}\n" in text
        dry = onrecord("message", "erase", "General", "3", *WHY)
        assert (dry.exit_code, "version 3: hold 2 covers it" in dry.stdout) == (0, True), dry.output
        assert dry.stdout.endswith("nothing would be erased now\n")
        asked = onrecord("message", "erase", "General", "3", *WHY, "--yes")
        assert (asked.exit_code, "what holds and rules keep waits" in asked.stdout) == (0, True), asked.output
        (waiting,) = lines(onrecord("audit", "requests", "--json"))
        assert waiting.items() >= {"room_id": str(room), "versions": [3], "erased": 0, "held": 1, "holds": [2]}.items()
        assert "0 erased, 1 kept by hold 2" in onrecord("audit", "requests").stdout

    def end() -> None:
        (counted,) = lines(onrecord("audit", "status", "--json"))
        assert (counted["custody"], counted["sealed"], counted["operators"]) == (2, 2, 0)
        ended = onrecord("hold", "end", "2", *WHY)
        assert (ended.exit_code, ended.stdout) == (0, "hold 2 has ended\n"), ended.output
        assert onrecord("hold", "list").stdout == ""
        (shown,) = lines(onrecord("hold", "list", "--all", "--json"))
        assert shown["ended_why"] == WHY[1]
        again = onrecord("hold", "end", "2", *WHY)
        assert (again.exit_code, again.stderr) == (1, "Error: no hold 2 is in force\n")

    await asyncio.to_thread(place)
    await asyncio.to_thread(end)
    async with open_store(database_url) as store:
        await carry_out(store)

    def after() -> None:
        assert onrecord("audit", "requests").stdout == ""
        (done,) = lines(onrecord("audit", "requests", "--all", "--json"))
        assert done.items() >= {"erased": 1, "held": 0, "is_done": True}.items()
        topics = [event["type"] for event in lines(onrecord("events", "list", "--json"))]
        assert topics[3:] == [
            "custody_opened",
            "hold_placed",
            "erasure_requested",
            "erasure_carried_out",
            "hold_ended",
            "content_erased",
            "erasure_carried_out",
        ]
        listed = onrecord("events", "list").stdout
        assert "custody record" in listed
        assert onrecord("projections", "verify").exit_code == 0

    await asyncio.to_thread(after)


async def test_a_rule_is_set_shown_replaced_and_ended(onrecord: Run, database_url: str) -> None:
    async with open_store(database_url) as store:
        room = await store.open_room("General")

    def rules() -> None:
        assert onrecord("retention", "set", "--keep", "30", *WHY).stdout == "2\n"
        own = ("--room", "General", "--keep", "0", "--erase-after", "7")
        assert onrecord("retention", "set", *own, *WHY).exit_code == 0
        shown = onrecord("retention", "show").stdout.splitlines()
        assert "     2  all rooms  keep 30 days  set " in shown[0]
        assert f"     3  {room} (General)  no duty to keep, erase after 7 days  set " in shown[1]
        assert onrecord("retention", "set", "--end", *WHY).stdout == "the rule of all rooms has ended\n"
        assert [rule["rule"] for rule in lines(onrecord("retention", "show", "--json"))] == [3]
        assert len(lines(onrecord("retention", "show", "--all", "--json"))) == 2
        for arguments, said in (
            ((), "keep: A rule says how long to keep, when to erase, or both."),
            (("--keep", "9", "--erase-after", "8"), "erase_after: What is to be kept cannot be erased before."),
            (("--end",), "there is no rule for all"),
        ):
            refused = onrecord("retention", "set", *arguments, *WHY)
            assert (refused.exit_code, refused.stderr.splitlines()[0]) == (1, f"Error: {said}")

    await asyncio.to_thread(rules)


@pytest.fixture
async def elsewhere(postgres: EmbeddedPostgres, template_database: str) -> AsyncIterator[str]:
    """Another installation, with nothing in it."""
    async with database_like(template_database, "test_custody_elsewhere", postgres) as url:
        yield url


async def test_the_record_goes_into_an_export_and_holds_where_it_is_imported(
    onrecord: Run, database_url: str, elsewhere: str, tmp_path: Path
) -> None:
    async with open_store(database_url) as store:
        room = await store.open_room("General")
        await store.chat.post_message(PostMessage(room, ADA, "a telephone number"))
    archive = tmp_path / "log.jsonl"

    def export() -> None:
        assert onrecord("hold", "place", "--case", "Ada v Bob", "--user", "1", *WHY).exit_code == 0
        assert onrecord("retention", "set", "--keep", "30", *WHY).exit_code == 0
        assert onrecord("events", "export", str(archive)).exit_code == 0

    await asyncio.to_thread(export)
    written = archive.read_text()
    assert written.count(WHY[1]) == 2
    torn = tmp_path / "torn.jsonl"
    torn.write_text(written.replace("Ada v Bob", "Ada v Eve"))
    there = CliRunner(env={"DATABASE_URL": elsewhere, "DATA_DIR": str(tmp_path)})
    refused = await asyncio.to_thread(there.invoke, main, ["events", "import", str(torn), *WHY])
    assert (refused.exit_code, "the content is not what the event was sealed with" in refused.stderr) == (1, True), (
        refused.output
    )
    imported = await asyncio.to_thread(there.invoke, main, ["events", "import", str(archive), *WHY])
    assert imported.exit_code == 0, imported.output
    connection = await asyncpg.connect(elsewhere)
    with pytest.raises(asyncpg.PostgresError, match="hold 2 covers version 3"):
        await connection.execute("SELECT erase_bodies($1, '{3}')", room)
    await connection.close()
    async with open_store(elsewhere):  # folds what was imported
        pass
    shown = await asyncio.to_thread(there.invoke, main, ["hold", "list", "--json"])
    assert lines(shown)[0]["case"] == "Ada v Bob"
    assert (await asyncio.to_thread(there.invoke, main, ["projections", "verify"])).exit_code == 0
