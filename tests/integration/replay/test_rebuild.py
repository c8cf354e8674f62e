"""The read models, doubted, proved and derived again while people go on talking."""

import asyncio
import contextlib
import json
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner

from api.wiring import create_fold
from cli.main import main
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.room.naming import RenameRoom
from domain.values import RoomId, UserId
from projections.readmodels.projection import RoomsProjection
from replay.investigate.projection_status import read_status
from replay.progress import Progress
from replay.rebuild.rebuild import RebuildRefused, rebuild
from replay.rebuild.repair import repair_room
from replay.rebuild.verify import verify
from tests.support.conditions import eventually
from tests.support.serving import ONRECORD
from tests.support.store import Store, open_store

ADA, BOB = UserId(1), UserId(2)


def unseen(progress: Progress) -> None:
    """Ignore progress."""


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection like that of psql."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def talk(store: Store, name: str = "General", *, messages: int = 20) -> RoomId:
    """A room with comings, goings and messages."""
    room_id = await store.open_room(name, by=ADA)
    await store.chat.join_room(JoinRoom(room_id, BOB))
    for number in range(messages):
        await store.chat.post_message(PostMessage(room_id, ADA, f"message {number}"))
    await store.chat.leave_room(LeaveRoom(room_id, BOB))
    return room_id


@contextlib.asynccontextmanager
async def people_talking_and_reading(store: Store, room_id: RoomId) -> AsyncIterator[list[int]]:
    """Posts and reads without a break, for as long as the block lasts; yields the versions posted so far.

    Whatever goes wrong for one of them is raised at the end of the block.
    """
    said: list[int] = []
    is_over = asyncio.Event()

    async def post() -> None:
        while not is_over.is_set():
            recorded = await store.chat.post_message(PostMessage(room_id, ADA, "still here"))
            said.append(recorded.event.originator_version)

    async def see() -> None:
        while not is_over.is_set():
            before = len(said)
            room = (await store.queries.room(ADA, room_id)).value
            assert room.version >= (said[before - 1] if before else 0)
            page = (await store.queries.messages(ADA, room_id, page=1)).value
            assert page is not None
            assert room.last_message is not None
            assert page.results[0].id >= room.last_message.id

    tasks = [asyncio.create_task(work()) for work in (post, post, see, see)]
    try:
        yield said
    finally:
        is_over.set()
        await asyncio.gather(*tasks)


async def schemas(admin: asyncpg.Connection) -> Any:
    """Columns, indexes and options of the live tables, as the catalogue describes them."""
    return await admin.fetch(
        "SELECT relname, relkind, reloptions, relowner::regrole::text, relacl::text,"
        " CASE relkind WHEN 'i' THEN pg_get_indexdef(oid) END AS definition"
        " FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname"
    )


CORRUPTIONS = {
    "messages": "UPDATE messages SET user_id = 99 WHERE room_id = $1 AND version = 5",
    "memberships": "UPDATE memberships SET left_version = left_version - 1 WHERE room_id = $1 AND user_id = 2",
    "rooms": "DELETE FROM rooms WHERE room_id = $1",
}


@pytest.mark.parametrize("table", CORRUPTIONS)
async def test_verify_finds_exactly_the_row_that_was_changed_and_a_rebuild_mends_it_while_people_talk(
    database_url: str, admin: asyncpg.Connection, table: str
) -> None:
    async with open_store(database_url) as store:
        wronged = await talk(store, "Wronged")
        busy = await talk(store, "Busy")
        before = await schemas(admin)
        right = await verify(create_fold(), database_url, unseen)
        await admin.execute(CORRUPTIONS[table], wronged)
        async with people_talking_and_reading(store, busy) as said:
            await eventually(lambda: reached(said, 10))
            found = await verify(create_fold(), database_url, unseen)
            assert [(one.table, one.key["room_id"]) for one in found.differences] == [(table, wronged)]
            await rebuild(create_fold(), database_url, unseen)
            after_the_exchange = len(said) + 10
            await eventually(lambda: reached(said, after_the_exchange))
            assert (await verify(create_fold(), database_url, unseen)).differences == []
        after = await verify(create_fold(), database_url, unseen)
        assert (right.differences, after.differences) == ([], [])
        assert after.rows["messages"] == right.rows["messages"] + len(said)
        assert await schemas(admin) == before


async def reached(said: list[int], count: int) -> bool:
    return len(said) >= count


async def test_a_room_is_mended_in_place(database_url: str, admin: asyncpg.Connection) -> None:
    async with open_store(database_url) as store:
        wronged, other = await talk(store, "Wronged"), await talk(store, "Other")
        right = await verify(create_fold(), database_url, unseen)
        for corruption in CORRUPTIONS.values():
            await admin.execute(corruption, wronged)
        await admin.execute("INSERT INTO messages VALUES ($1, 99, 1, 'never said', now())", wronged)
        assert (await verify(create_fold(), database_url, unseen, room_id=other)).differences == []
        found = (await verify(create_fold(), database_url, unseen, room_id=wronged)).differences
        assert sorted(one.table for one in found) == ["memberships", "messages", "messages", "rooms"]
        assert await repair_room(create_fold(), database_url, wronged) == found
        mended = await verify(create_fold(), database_url, unseen)
        assert (mended.differences, mended.digest) == ([], right.digest)


async def test_a_room_is_mended_in_a_table_with_a_computed_column(database_url: str, admin: asyncpg.Connection) -> None:
    async with open_store(database_url) as store:
        wronged = await talk(store)
        await admin.execute(
            "ALTER TABLE messages ADD gone text, ADD next bigint GENERATED ALWAYS AS (version + 1) STORED"
        )
        await admin.execute("ALTER TABLE messages DROP gone")
        await admin.execute(CORRUPTIONS["messages"], wronged)
        assert len(await repair_room(create_fold(), database_url, wronged)) == 1
        assert (await verify(create_fold(), database_url, unseen)).differences == []


class Stop(Exception):
    """As if an operator pressed Ctrl-C."""


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few events at a time, so that there is something between a rebuild's beginning and its end."""
    monkeypatch.setattr("replay.rebuild.fold.PAGE", 10)
    monkeypatch.setattr("replay.rebuild.rebuild.NEAR", 5)


@pytest.mark.usefixtures("small_pages")
async def test_an_interrupted_rebuild_leaves_the_live_tables_and_resumes(
    database_url: str, admin: asyncpg.Connection
) -> None:
    async with open_store(database_url) as store:
        room_id = await talk(store, messages=50)
        await admin.execute(CORRUPTIONS["messages"], room_id)

        def stop(progress: Progress) -> None:
            if progress.done >= 30:
                raise Stop

        with pytest.raises(Stop):
            await rebuild(create_fold(), database_url, stop)
        live, _, shadow = await read_status(store.database, store.log)
        assert (live.checkpoint, shadow.state, shadow.checkpoint) == (54, "interrupted", 30)
        assert len((await verify(create_fold(), database_url, unseen)).differences) == 1
        await store.chat.post_message(PostMessage(room_id, ADA, "meanwhile"))
        finished = await rebuild(create_fold(), database_url, unseen)
        assert (finished.resumed_at, finished.events, finished.position) == (30, 25, 55)
        assert (await verify(create_fold(), database_url, unseen)).differences == []
        assert len(await read_status(store.database, store.log)) == 2


def interrupt(progress: Progress) -> None:
    if progress.done > 0:
        raise Stop


@pytest.fixture
async def interrupted(database_url: str, small_pages: None) -> AsyncIterator[Store]:
    """A store in which a rebuild was interrupted after one page of events."""
    async with open_store(database_url) as store:
        await talk(store)
        with pytest.raises(Stop):
            await rebuild(create_fold(), database_url, interrupt)
        yield store


@pytest.mark.usefixtures("interrupted")
async def test_a_restarted_rebuild_folds_everything(database_url: str) -> None:
    finished = await rebuild(create_fold(), database_url, unseen, restart=True)
    assert (finished.resumed_at, finished.events) == (0, 24)


@pytest.mark.usefixtures("interrupted")
async def test_a_shadow_filled_by_different_fold_code_is_discarded(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RoomsProjection, "version", RoomsProjection.version + 1)
    finished = await rebuild(create_fold(), database_url, unseen)
    assert (finished.resumed_at, finished.events) == (0, 24)


@pytest.mark.usefixtures("small_pages")
async def test_a_shadow_that_a_crash_may_have_emptied_is_discarded(
    database_url: str, admin: asyncpg.Connection
) -> None:
    await admin.execute("ALTER TABLE former_names SET UNLOGGED")
    async with open_store(database_url) as store:
        await talk(store)
        with pytest.raises(Stop):
            await rebuild(create_fold(), database_url, interrupt)
        finished = await rebuild(create_fold(), database_url, unseen)
        assert (finished.resumed_at, finished.events) == (0, 24)


@contextlib.asynccontextmanager
async def a_reader_in_a_table(admin: asyncpg.Connection) -> AsyncIterator[None]:
    """A reader whose transaction does not end before the block does."""
    staying = admin.transaction()
    await staying.start()
    await admin.fetch("SELECT * FROM rooms")
    yield
    await staying.rollback()


async def waits_for_readers(store: Store) -> bool:
    """Whether an exchange is waiting for a table to be left."""
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'rooms'::regclass"
    return bool(await store.database.fetchval(waits))


async def test_a_long_read_of_a_table_delays_the_exchange_and_nothing_else(
    database_url: str, admin: asyncpg.Connection
) -> None:
    async with open_store(database_url) as store:
        room_id = await talk(store)
        async with a_reader_in_a_table(admin):
            rebuilding = asyncio.create_task(rebuild(create_fold(), database_url, unseen))
            await eventually(lambda: waits_for_readers(store))
            await store.chat.post_message(PostMessage(room_id, ADA, "nobody waits for me"))
            assert (await store.queries.room(ADA, room_id)).value.id == room_id
            assert not rebuilding.done()
        assert (await rebuilding).position == 25


async def test_two_rebuilds_at_once_are_refused(database_url: str, admin: asyncpg.Connection) -> None:
    async with open_store(database_url) as store:
        await talk(store)
        async with a_reader_in_a_table(admin):
            rebuilding = asyncio.create_task(rebuild(create_fold(), database_url, unseen))
            await eventually(lambda: waits_for_readers(store))
            with pytest.raises(RebuildRefused, match="another rebuild is running"):
                await rebuild(create_fold(), database_url, unseen)
        assert (await rebuilding).position == 24


async def folded_to(seen: list[int], position: int) -> bool:
    return seen[-1] >= position


async def test_ctrl_c_is_one_clear_line_and_leaves_the_live_tables(
    database_url: str, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    async with open_store(database_url) as store:
        await talk(store)
        before = await schemas(admin)
        async with a_reader_in_a_table(admin):
            process = await asyncio.create_subprocess_exec(
                *(ONRECORD, "projections", "rebuild"),
                env={"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)},
                stderr=asyncio.subprocess.PIPE,
            )
            await eventually(lambda: waits_for_readers(store))
            process.send_signal(signal.SIGINT)
            _, said = await process.communicate()
        assert process.returncode == 1
        assert said.decode() == "Error: interrupted: the live tables are as they were; run it again to continue\n"
        assert await schemas(admin) == before
        assert (await read_status(store.database, store.log))[-1].state == "interrupted"


async def test_what_happens_while_the_exchange_waits_is_not_left_for_the_lock(
    database_url: str, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replay.rebuild.rebuild.NEAR", 5)
    seen: list[int] = []
    async with open_store(database_url) as store:
        room_id = await talk(store)
        async with a_reader_in_a_table(admin):
            rebuilding = asyncio.create_task(
                rebuild(create_fold(), database_url, lambda progress: seen.append(progress.done))
            )
            await eventually(lambda: waits_for_readers(store))
            for number in range(20):
                await store.chat.post_message(PostMessage(room_id, ADA, str(number)))
            await eventually(lambda: folded_to(seen, 44 - 5))
        assert (await rebuilding).position == 44
        assert (await verify(create_fold(), database_url, unseen)).differences == []


async def test_something_that_depends_on_the_tables_is_left_alone(database_url: str, admin: asyncpg.Connection) -> None:
    async with open_store(database_url) as store:
        room_id = await talk(store)
        await admin.execute("CREATE VIEW report AS SELECT count(*) FROM messages")
        with pytest.raises(RebuildRefused, match="view report"):
            await rebuild(create_fold(), database_url, unseen)
        assert await admin.fetchval("SELECT * FROM report") == 20
        await store.chat.post_message(PostMessage(room_id, ADA, "all is well"))


async def test_commands_say_what_was_found_and_exit_with_1(
    database_url: str, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    async def onrecord(*arguments: str) -> tuple[int, str]:
        environment = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)}
        result = await asyncio.to_thread(CliRunner(env=environment).invoke, main, ["projections", *arguments])
        return result.exit_code, result.output

    async with open_store(database_url) as store:
        room_id = await talk(store)
        assert (await onrecord("verify"))[0] == 0
        await admin.execute(CORRUPTIONS["messages"], room_id)
        code, said = await onrecord("verify")
        assert code == 1
        assert f"messages: room_id {room_id} " in said
        assert ", version 5\n  user_id: live 99, by the log 1" in said
        assert (await onrecord("verify", "--room", "General"))[0] == 1
        assert (await onrecord("rebuild", "--room", "General"))[0] == 0
        assert (await onrecord("verify", "--json"))[0] == 0
        await admin.execute(CORRUPTIONS["rooms"], room_id)
        code, said = await onrecord("rebuild", "rooms")
        assert (code, "rebuilt at position 24" in said) == (0, True)
        assert (await onrecord("verify"))[0] == 0
        assert (await onrecord("status", "--sample", "0"))[0] == 0
        await admin.execute("UPDATE fanout_lanes SET failed_position = 3, failed_reason = 'refused'")
        code, said = await onrecord("status", "--sample", "0")
        assert (code, "position 3: refused" in said) == (1, True)
        assert (await onrecord("verify", "nothing"))[0] == 2
        for command in ("status", "rebuild", "verify"):
            assert f"\n  onrecord projections {command}" in (await onrecord(command, "--help"))[1]


COPY_AS = """
INSERT INTO stored_events (originator_id, originator_version, topic, state)
SELECT $1, $2, topic, convert_to(replace(convert_from(state, 'utf8'), $4, $5), 'utf8')
FROM stored_events WHERE originator_id = $3 AND originator_version = $6
"""
OUTSIDER = 99


async def test_verify_names_gaps_and_what_no_member_can_have_done(database_url: str) -> None:
    async with open_store(database_url) as store:
        room_id, other = await store.open_room("Gap"), await store.open_room("Outsider")
        await store.chat.post_message(PostMessage(room_id, ADA, "hello"))
        await store.chat.rename_room(RenameRoom(room_id, ADA, "Renamed"))
        assert (await verify(create_fold(), database_url, unseen)).findings == []
        async with store.database.connection() as admin:
            await admin.execute("ALTER TABLE stored_events DISABLE TRIGGER log_has_no_gaps")
            await admin.execute(COPY_AS, room_id, 6, room_id, str(ADA), str(ADA), 3)
            for version in (3, 4):
                await admin.execute(
                    COPY_AS, other, version, room_id, f'"user_id":{ADA}', f'"user_id":{OUTSIDER}', version
                )
        await store.chat.post_message(PostMessage(other, ADA, "which folds what came before"))
        expected = {
            (room_id, "versions 1 to 6 hold 5 events"),
            (other, f"version 3 cannot have happened: message_added of user {OUTSIDER}, who is not a member"),
            (other, f"version 4 cannot have happened: room_renamed of user {OUTSIDER}, who is not a member"),
        }
        findings = (await verify(create_fold(), database_url, unseen)).findings
        assert {(finding.room_id, finding.problem) for finding in findings} == expected
        of_one = (await verify(create_fold(), database_url, unseen, room_id=other)).findings
        assert {(finding.room_id, finding.problem) for finding in of_one} == {
            each for each in expected if each[0] == other
        }


async def test_verify_shows_some_rows_and_counts_all(
    database_url: str, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    async def run(*arguments: str) -> list[str]:
        runner = CliRunner(env={"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)})
        result = await asyncio.to_thread(runner.invoke, main, ["projections", "verify", *arguments])
        assert result.exit_code == 1
        return result.stdout.splitlines()

    async with open_store(database_url) as store:
        await talk(store, messages=30)
    await admin.execute("UPDATE messages SET content = 'never said'")
    assert sum(line.startswith("messages: room_id") for line in await run()) == 20
    assert re.search(r"^messages +30 rows, 30 differ$", "\n".join(await run()), re.MULTILINE)
    assert sum(line.startswith("messages: room_id") for line in await run("--all")) == 30
    summary = json.loads((await run("--json"))[-1])
    assert (summary["verdict"], summary["differ"]) == ("differs", {"messages": 30})
