"""Moving the log, and minding the fan-out, from the command line."""

import asyncio
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from domain.room.messages import PostMessage
from postgres import locks
from projections.fanout import lane_table as lanes
from projections.readmodels.projection import RoomsProjection
from tests.support.first_release import FirstRelease
from tests.support.given_when_then import ADA
from tests.support.store import open_store

Run = Callable[..., Result]
PLAIN = UUID("00000000-0000-4000-8000-000000000001")


@pytest.fixture
def onrecord(database_url: str, tmp_path: Path) -> Run:
    def run(*arguments: str, **environment: str) -> Result:
        settings = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), **environment}
        return CliRunner(env=settings).invoke(main, list(arguments))

    return run


async def execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(sql)
    await connection.close()


def test_a_log_is_exported_once_and_imported_where_it_fits(onrecord: Run, database_url: str, tmp_path: Path) -> None:
    async def record() -> None:
        async with open_store(database_url) as store:
            await store.open_room()

    asyncio.run(record())
    file = tmp_path / "log.jsonl.gz"
    exported = onrecord("events", "export", str(file))
    assert (exported.exit_code, exported.stdout) == (0, f"exported 2 events, positions 1 to 2: {file}\n")
    assert json.loads(gzip.decompress(file.read_bytes()).splitlines()[-1])["events"] == 2
    assert onrecord("events", "export", str(file)).exit_code == 2
    assert onrecord("events", "export", str(file), "--overwrite").exit_code == 0
    imported = onrecord("events", "import", str(file))
    assert (imported.exit_code, imported.stdout) == (0, "imported 0 of 2 events, positions 1 to 2\n")
    file.write_bytes(b"nonsense")
    refused = onrecord("events", "import", str(file))
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert onrecord("events", "import", str(tmp_path / "nowhere.gz")).exit_code == 2
    unknown = onrecord("events", "export", str(tmp_path / "log.jsonl.zst"))
    assert (unknown.exit_code, "a log is .jsonl, or compressed .gz, .xz, .bz2" in unknown.stderr) == (2, True)


def test_an_export_goes_without_content_on_request(onrecord: Run, database_url: str, tmp_path: Path) -> None:
    async def record() -> None:
        async with open_store(database_url) as store:
            await store.open_room("Zanzibar Wharf")

    asyncio.run(record())
    file = tmp_path / "log.jsonl"
    assert onrecord("events", "export", str(file)).exit_code == 0
    assert b"Zanzibar Wharf" in file.read_bytes()
    assert onrecord("events", "export", str(file), "--overwrite", "--without-content").exit_code == 0
    assert b"Zanzibar" not in file.read_bytes()


def test_audit_status_counts_what_can_be_erased_and_names_what_cannot(onrecord: Run, database_url: str) -> None:
    async def record() -> None:
        async with open_store(database_url) as store:
            room_id = await store.open_room("Sealed")
            await store.chat.post_message(PostMessage(room_id, ADA, "sealed"))
            await store.chat.post_message(PostMessage(room_id, ADA, "erased"))
            await store.database.execute("SELECT erase_bodies($1, '{4}')", room_id)
            async with store.database.connection() as connection:
                await connection.execute(f"SET onrecord.fold_version = {RoomsProjection.version}")
                await FirstRelease(connection).open_room(PLAIN, "Of the first release", by=ADA)

    asyncio.run(record())
    said = onrecord("audit", "status")
    assert said.exit_code == 0
    assert said.stdout.splitlines()[7:] == [
        "sealed     2 texts apart from the log, which can be erased",
        "erased     1",
        "plain      1 texts in the log itself, which cannot be erased",
        "of others  0 events of other applications, not looked into",
        "custody    0 reasons and names of cases in the record of custody, which no command erases",
        "operators  0 reasons in `onrecord actions`, which no command erases",
        f"         1  plain in {PLAIN}  Of the first release",
    ]
    counted = json.loads(onrecord("audit", "status", "--json").stdout)
    assert counted.pop("tree")["epoch"] == 0
    assert counted == {
        "sealed": 2,
        "erased": 1,
        "plain": 1,
        "plain_rooms": [{"room_id": str(PLAIN), "name": "Of the first release", "events": 1}],
        "of_others": 0,
        "custody": 0,
        "operators": 0,
        "withheld": None,
    }


def test_the_fan_out_is_paused_and_resumed(onrecord: Run) -> None:
    def state() -> str:
        return str(
            json.loads(onrecord("projections", "status", "--sample", "0", "--json").stdout.splitlines()[1])["state"]
        )

    assert onrecord("fanout", "pause", "--why", "an upgrade").exit_code == 0
    assert state() == "paused"
    assert onrecord("fanout", "resume", "--why", "it is done").exit_code == 0
    assert state() == "idle"
    done = [json.loads(line) for line in onrecord("actions", "--json").stdout.splitlines()]
    assert [(action["action"], action["why"]) for action in done] == [("pause", "an upgrade"), ("resume", "it is done")]
    assert all(action["who"] for action in done)


async def test_a_lane_without_a_holder_is_a_finding_while_a_process_could_hold_it(
    onrecord: Run, database_url: str
) -> None:
    async def lane() -> tuple[int, str]:
        result = await asyncio.to_thread(onrecord, "projections", "status", "--sample", "0", "--json")
        return result.exit_code, json.loads(result.stdout.splitlines()[1])["state"]

    assert await lane() == (0, "idle")
    process = await asyncpg.connect(database_url)
    await locks.PUBLISHING.share(process)
    assert await lane() == (1, "not held")
    assert await lanes.try_hold(0, "somebody", process) is not None
    assert await lane() == (0, "running")
    await process.close()


def test_every_operator_action_needs_a_reason(onrecord: Run) -> None:
    for command in (("pause",), ("resume",), ("skip", "17"), ("dead-letters", "discard", "1")):
        assert onrecord("fanout", *command).exit_code == 2


def test_an_event_that_stopped_the_fan_out_can_be_skipped_and_no_other(onrecord: Run, database_url: str) -> None:
    asyncio.run(execute(database_url, "UPDATE fanout_lanes SET failed_position = 17, failed_reason = 'too large'"))
    assert onrecord("projections", "status", "--sample", "0").exit_code == 1
    assert onrecord("fanout", "skip", "16", "--why", "too large").exit_code == 1
    assert onrecord("fanout", "skip", "17", "--why", "too large").exit_code == 0
    assert onrecord("projections", "status", "--sample", "0").exit_code == 0


def test_dead_letters_are_listed_and_are_a_finding(onrecord: Run, database_url: str) -> None:
    assert onrecord("fanout", "dead-letters", "list").exit_code == 0
    letter = "(0, 17, gen_random_uuid(), 3, 'too large')"
    columns = "(lane, position, room_id, version, reason)"
    asyncio.run(execute(database_url, f"INSERT INTO dead_letters {columns} VALUES {letter}"))
    listed = onrecord("fanout", "dead-letters", "list", "--json")
    assert (listed.exit_code, json.loads(listed.stdout)["position"]) == (1, 17)
    assert "too large" in onrecord("fanout", "dead-letters", "list").stdout


def test_every_command_of_these_has_help_with_an_example(onrecord: Run) -> None:
    for command in (
        "events export",
        "events import",
        "fanout pause",
        "fanout resume",
        "fanout skip",
        "actions",
        "fanout dead-letters list",
        "fanout dead-letters retry",
        "fanout dead-letters discard",
        "fanout replay",
    ):
        assert f"\n  onrecord {command}" in onrecord(*command.split(), "--help").stdout
