"""An event with one of our topics that this program cannot read, written by another application on the log."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from domain.room.messages import PostMessage
from eventstore.errors import NewerFold, UnreadableEvent
from eventstore.writer import writer
from tests.integration.conftest import StartServer, Visit
from tests.support.given_when_then import ADA
from tests.support.store import open_store

NOW = '"timestamp": {"_type_": "datetime_iso", "_data_": "2026-11-24T10:00:00+00:00"}'
STATES = {
    "a field is missing": (f"{{{NOW}}}", "Object missing required field user_id"),
    "a field is something else": (f'{{{NOW}, "user_id": "ada"}}', "Expected int, got str - at $.user_id"),
    "there is no time": ('{"user_id": 7}', "Object missing required field timestamp"),
    "it is no JSON": ("hello", "MapperDeserialisationError"),
}
STRANGER = UUID(int=7)
APPEND = """
INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES ($1, $2, 'user_joined', $3)
"""
SOMETHING_ELSE = r"INSERT INTO stored_events VALUES (gen_random_uuid(), 1, 'somebody:Else', '\xff00')"
REASON = (
    "the event at position 3 cannot be read: Object missing required field user_id"
    f" (stream {STRANGER}, version 1, user_joined)"
)

Append = Callable[[str], Awaitable[None]]


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def append_as_another_application(admin: asyncpg.Connection) -> Append:
    """Another application records its own idea of a `user_joined`."""

    async def append(state: str) -> None:
        await admin.execute(APPEND, STRANGER, 1, state.encode())

    return append


@pytest.mark.parametrize("name", STATES)
async def test_nothing_is_recorded_beyond_it_and_the_error_says_where_it_is(
    database_url: str, append_as_another_application: Append, name: str
) -> None:
    state, reason = STATES[name]
    async with open_store(database_url) as store:
        room_id = await store.open_room()
        await append_as_another_application(state)
        for _ in range(2):
            with pytest.raises(UnreadableEvent) as refused:
                await store.chat.post_message(PostMessage(room_id, ADA, "hello"))
            assert str(refused.value).startswith(f"the event at position 3 cannot be read: {reason}")
            assert str(refused.value).endswith(f"(stream {STRANGER}, version 1, user_joined)")
        assert await store.database.fetchval("SELECT count(*) FROM stored_events") == 3


@pytest.mark.parametrize("fields", ["", f', "user_id": {ADA}'], ids=["cannot be read", "cannot have happened"])
async def test_where_a_newer_program_folds_that_is_what_an_older_one_says(
    database_url: str, admin: asyncpg.Connection, fields: str
) -> None:
    async with open_store(database_url) as store:
        room_id = await store.open_room()
        await admin.execute(APPEND, room_id, 3, f"{{{NOW}{fields}}}".encode())
        await admin.execute("UPDATE fold_versions SET version = version + 1")
        for _ in range(2):  # the second time the room is loaded before it comes to the writer
            with pytest.raises(NewerFold, match="of the fold is in force"):
                await store.chat.post_message(PostMessage(room_id, ADA, "hello"))


async def test_what_cannot_have_happened_stops_commands_in_the_same_way(
    database_url: str, admin: asyncpg.Connection
) -> None:
    async with open_store(database_url) as store:
        room_id = await store.open_room()
        await admin.execute(APPEND, room_id, 3, f'{{{NOW}, "user_id": {ADA}}}'.encode())  # who is there already
        with pytest.raises(
            UnreadableEvent, match=f"at position 3 .* UniqueViolationError .stream {room_id}, version 3"
        ):
            await store.chat.post_message(PostMessage(room_id, ADA, "hello"))
        assert await store.database.fetchval("SELECT count(*) FROM stored_events") == 3


async def test_an_event_of_a_room_that_was_never_opened_is_not_passed_over(
    database_url: str, append_as_another_application: Append
) -> None:
    async with open_store(database_url) as store:
        room_id = await store.open_room()
        await append_as_another_application(f'{{{NOW}, "user_id": {ADA}}}')
        with pytest.raises(UnreadableEvent, match="at position 3 "):
            await store.chat.post_message(PostMessage(room_id, ADA, "hello"))


async def test_a_service_that_meets_it_is_not_ready_says_why_and_still_serves_reads(
    start_server: StartServer,
    visit: Visit,
    append_as_another_application: Append,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "IDLE_S", 0.01)
    server = await start_server()
    ada = await visit("ada", at=server)
    room = f"/api/rooms/{await ada.open_room('Engines')}"
    assert (await ada.post(f"{room}/messages/", {"content": "hello"})).status == 201
    await append_as_another_application(STATES["a field is missing"][0])
    refused = await ada.post(f"{room}/messages/", {"content": "hello"})
    assert (refused.status, refused.body["code"]) == (503, "unreadable_event")
    assert int(refused.headers["Retry-After"]) >= 1
    reason = REASON.replace("position 3", "position 4")
    answer = await ada.get("/readyz")
    assert (answer.status, answer.body) == (503, {"status": reason})
    said = [(record.message, vars(record)["reason"]) for record in caplog.records if record.levelname == "ERROR"]
    by_writer = ("stopped by an event that another application appended", reason)  # which looks while it is idle, too
    assert said.count(by_writer) <= 1
    assert [each for each in said if each != by_writer] == [("stopped at an event in the log", reason)]
    assert (await ada.get(f"{room}/messages/")).body["count"] == 1


@pytest.fixture
def onrecord(database_url: str, tmp_path: Path) -> Callable[..., Awaitable[Result]]:
    async def run(*arguments: str) -> Result:
        environment = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)}
        return await asyncio.to_thread(CliRunner(env=environment).invoke, main, list(arguments))

    return run


async def test_commands_say_which_event_it_is_in_one_line(
    database_url: str,
    admin: asyncpg.Connection,
    append_as_another_application: Append,
    onrecord: Callable[..., Awaitable[Result]],
) -> None:
    async with open_store(database_url) as store:
        await store.open_room()
    await append_as_another_application(STATES["a field is missing"][0])
    await admin.execute(SOMETHING_ELSE)
    status = await onrecord("projections", "status", "--sample", "0", "--json")
    inline = json.loads(status.stdout.splitlines()[0])
    assert (status.exit_code, inline["state"], inline["reason"]) == (1, "stopped", REASON)
    await admin.execute("UPDATE checkpoints SET position = 3")  # as if a program had passed it over
    for command in ("projections rebuild", "projections verify", "events list", "events show 3"):
        said = await onrecord(*command.split())
        assert (said.exit_code, said.stderr) == (1, f"Error: {REASON}\n"), command
    assert (await onrecord("events", "stats")).exit_code == 0


async def test_an_event_that_cannot_have_happened_is_named_as_well_and_the_live_tables_stay(
    database_url: str, admin: asyncpg.Connection, onrecord: Callable[..., Awaitable[Result]]
) -> None:
    async with open_store(database_url) as store:
        room_id = await store.open_room()
    state = f'{{{NOW}, "user_id": {ADA}}}'.encode()
    await admin.execute(APPEND, room_id, 3, state)  # a member joins again
    await admin.execute(APPEND, STRANGER, 1, state)  # and a room that was never opened
    await admin.execute("UPDATE checkpoints SET position = 4")
    for command in ("rebuild", "verify", "verify --room General"):
        said = await onrecord("projections", *command.split())
        reason = f"UniqueViolationError (stream {room_id}, version 3, user_joined)"
        assert said.exit_code == 1
        assert said.stderr == f"Error: the event at position 3 cannot be read: {reason}\n", command
    assert await admin.fetchval("SELECT count(*) FROM memberships") == 1
    shown = await onrecord("room", "show", str(STRANGER))
    assert (shown.exit_code, shown.stderr.count("\n")) == (1, 1)
    assert shown.stderr.startswith("Error: the event at position 4 cannot be read")
