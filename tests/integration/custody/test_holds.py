"""What a hold covers is not erased, by anybody and on any way, until the hold ends."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from api.wiring import create_fold
from domain.custody import CUSTODY_ID
from domain.errors import InvalidField, NoSuchHold, RoomNotFound
from domain.room import Room
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.use_cases.record import EndHold
from domain.values import OPERATOR, RoomId
from eventstore.values import LOG_START
from projections.readmodels.custody.queries import read_holds
from projections.readmodels.tables import KEYS, TABLES
from replay.rebuild.rebuild import rebuild
from replay.rebuild.verify import verify
from tests.support.conditions import eventually
from tests.support.custody import WHY, end, place
from tests.support.given_when_then import ADA, BOB, EVE
from tests.support.store import Store, append_lock_held, open_store

HELD = "OR002"
WAITING = """
SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database
WHERE NOT granted AND datname = current_database()
"""


@pytest.fixture
async def psql(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def renamed_by_a_member(room: Room) -> None:
    """As every member could before there were owners."""
    room.trigger_event(Room.RoomRenamed, user_id=EVE, name="Special")


@pytest.fixture
async def room(store: Store) -> RoomId:
    """Version 1 opened by ada, 2 joined; ada says 3; bob joins 4 and says 5; bob leaves 6; ada says 7; eve joins 8 and
    renames at 9.
    """
    room_id = await store.open_room("General", by=ADA)
    await store.chat.post_message(PostMessage(room_id, ADA, "from ada"))
    await store.chat.join_room(JoinRoom(room_id, BOB))
    await store.chat.post_message(PostMessage(room_id, BOB, "from bob"))
    await store.chat.leave_room(LeaveRoom(room_id, BOB))
    await store.chat.post_message(PostMessage(room_id, ADA, "after bob"))
    await store.chat.join_room(JoinRoom(room_id, EVE))
    await store.rooms.change(room_id, renamed_by_a_member)
    return room_id


WORDED = [1, 3, 5, 7, 9]


async def erase(room_id: RoomId, *versions: int, connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("SELECT erase_bodies($1, $2::bigint[])", room_id, versions))


async def covered(room_id: RoomId, connection: asyncpg.Connection) -> list[int]:
    """The versions that cannot be erased, as an attempt on each shows; those that can stay as well."""
    refused = []
    for version in WORDED:
        attempt = connection.transaction()
        await attempt.start()
        try:
            assert await erase(room_id, version, connection=connection) == 1
        except asyncpg.PostgresError as error:
            if error.sqlstate != HELD:
                raise
            refused.append(version)
        await attempt.rollback()
    return refused


async def all_rows(connection: asyncpg.Connection) -> list[list[asyncpg.Record]]:
    return [await connection.fetch(f"SELECT * FROM {table} ORDER BY {', '.join(key)}") for table, key in KEYS.items()]


async def test_a_hold_on_a_room_keeps_every_word_in_it_until_it_ends(
    store: Store, room: RoomId, psql: asyncpg.Connection
) -> None:
    other = await store.open_room("Elsewhere", by=ADA)
    hold = await place(store, room_id=room)
    assert await covered(room, psql) == WORDED
    assert await erase(other, 1, connection=psql) == 1
    with pytest.raises(asyncpg.PostgresError, match=f"hold {hold} covers version 3 of stream {room}") as refused:
        await erase(room, 3, 5, connection=psql)
    assert "letter" not in str(refused.value)
    await end(store, hold)
    assert await covered(room, psql) == []
    assert await erase(room, *WORDED, connection=psql) == 5


async def test_a_hold_on_a_person_keeps_what_they_typed_in_every_room_also_after_they_left(
    store: Store, room: RoomId, psql: asyncpg.Connection
) -> None:
    await place(store, person_id=BOB)
    assert await covered(room, psql) == [5]
    await place(store, person_id=EVE)
    assert await covered(room, psql) == [5, 9]  # a name is words of the person who gave it


async def test_a_hold_on_conversations_keeps_what_the_person_could_read(
    store: Store, room: RoomId, psql: asyncpg.Connection
) -> None:
    await place(store, person_id=BOB, conversations=True)
    assert await covered(room, psql) == [1, 3, 5]


async def test_a_hold_on_a_span_of_time_keeps_what_was_typed_in_it(
    store: Store, room: RoomId, psql: asyncpg.Connection
) -> None:
    times = {int(r.version): r.event.timestamp for r in await store.events() if r.event.originator_id == room}
    hold = await place(store, since=times[3], until=times[7])
    assert await covered(room, psql) == [3, 5]
    await place(store, since=times[7], room_id=room, person_id=ADA)
    assert await covered(room, psql) == [3, 5, 7]
    await end(store, hold)
    assert await covered(room, psql) == [7]


async def test_a_hold_on_a_room_that_everybody_left_and_on_a_number_without_an_account(
    store: Store, room: RoomId, psql: asyncpg.Connection
) -> None:
    await store.chat.leave_room(LeaveRoom(room, EVE))
    await store.chat.leave_room(LeaveRoom(room, ADA))
    assert await psql.fetchval("SELECT count(*) FROM users") == 0
    hold = await place(store, person_id=ADA)
    assert await covered(room, psql) == [1, 3, 7]
    await end(store, hold)
    await place(store, room_id=room)
    assert await covered(room, psql) == WORDED


@pytest.mark.parametrize("role", ["origin", "replica"])
async def test_what_is_held_stays_whoever_deletes_it_and_whatever_the_read_models_say(
    store: Store, room: RoomId, psql: asyncpg.Connection, role: str
) -> None:
    await place(store, room_id=room)
    await psql.execute(f"SET session_replication_role = {role}")
    for table in TABLES:
        await psql.execute(f"DELETE FROM {table}")
    await psql.execute("CREATE TEMPORARY TABLE stored_events AS SELECT * FROM public.stored_events LIMIT 0")
    await psql.execute("SET search_path = pg_temp, public")
    assert await covered(room, psql) == WORDED


async def test_an_older_snapshot_does_not_pass_a_hold_by(store: Store, room: RoomId, psql: asyncpg.Connection) -> None:
    for isolation in ("repeatable_read", "serializable"):
        attempt = psql.transaction(isolation=isolation)
        await attempt.start()
        await psql.fetch("SELECT FROM bodies")
        hold = await place(store, room_id=room)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="READ COMMITTED"):
            await erase(room, 3, connection=psql)
        await attempt.rollback()
        await end(store, hold)


async def test_a_hold_that_is_placed_while_an_erasure_waits_for_its_turn_keeps_the_words(
    store: Store, room: RoomId, psql: asyncpg.Connection, database_url: str
) -> None:
    async def waits(task: asyncio.Task[int], sessions: int) -> bool:
        return task.done() or bool(await store.database.fetchval(WAITING) == sessions)

    async with append_lock_held(database_url):
        placing = asyncio.create_task(place(store, room_id=room))
        await eventually(lambda: waits(placing, 1))
        erasing = asyncio.create_task(erase(room, 3, connection=psql))
        await eventually(lambda: waits(erasing, 2))
    await placing
    with pytest.raises(asyncpg.PostgresError) as refused:
        await erasing
    assert refused.value.sqlstate == HELD


async def test_the_record_is_of_one_kind_and_rooms_are_of_another(store: Store, room: RoomId) -> None:
    await place(store, room_id=room)
    with pytest.raises(RoomNotFound):
        await store.chat.post_message(PostMessage(RoomId(CUSTODY_ID), ADA, "into the record"))
    with pytest.raises(RoomNotFound):
        await store.time_travel.room_at(RoomId(CUSTODY_ID))
    last = (await store.record.end_hold(EndHold(OPERATOR, 2, "over"))).position
    async with store.database.connection() as connection:
        shown, at = await store.room_log.folded("rooms", LOG_START, limit=100, connection=connection)
    assert {r.event.originator_id for r in shown} == {room}
    assert at == last


async def test_holds_are_read_with_their_case_and_a_rebuild_makes_the_same_rows_without_words(
    store: Store, room: RoomId, database_url: str, psql: asyncpg.Connection
) -> None:
    first, second = await place(store, room_id=room), await place(store, person_id=BOB, until=datetime.now(UTC))
    await end(store, first)
    holds = await read_holds(psql, with_ended=True)
    assert [(h.hold, h.case, h.why, h.ended_why) for h in holds] == [
        (first, "Ada v Bob", WHY, "settled"),
        (second, "Ada v Bob", WHY, ""),
    ]
    assert [h.hold for h in await read_holds(psql, with_ended=False)] == [second]
    stored = [row[0] for row in await psql.fetch("SELECT convert_from(state, 'utf8') FROM stored_events")]
    assert not any("letter" in state or "Ada v Bob" in state for state in stored)
    rows = await all_rows(psql)
    before = await verify(create_fold(), database_url, lambda _: None)
    assert (before.differences, before.findings) == ([], [])
    await psql.execute("DELETE FROM holds")
    assert [d.table for d in (await verify(create_fold(), database_url, lambda _: None)).differences] == ["holds"] * 2
    await rebuild(create_fold(), database_url, lambda _: None)
    assert await all_rows(psql) == rows
    assert (await verify(create_fold(), database_url, lambda _: None)).digest == before.digest
    assert (await verify(create_fold(), database_url, lambda _: None, room_id=room)).differences == []


async def test_two_processes_open_one_record(store: Store, room: RoomId, database_url: str) -> None:
    async with open_store(database_url) as other:
        numbers = [await place(process, room_id=room) for process in (store, other, store)]
        assert numbers == [2, 3, 4]
        await end(other, 4)
        with pytest.raises(NoSuchHold):
            await end(store, 4)


async def test_a_refused_hold_records_nothing(store: Store, psql: asyncpg.Connection) -> None:
    now = datetime.now(UTC)
    for scope in ({}, {"since": now, "until": now - timedelta(days=1)}, {"since": now, "conversations": True}):
        with pytest.raises(InvalidField):
            await place(store, **scope)
    with pytest.raises(NoSuchHold):
        await end(store, 2)
    assert await psql.fetchval("SELECT count(*) FROM stored_events") == 0
