"""Rooms in memory and their snapshots: fast, and never another state than the log's."""

import asyncio
import gc
import json

import pytest
from eventsourcing.persistence import StoredEvent

from domain.errors import AlreadyAMember, NotAMember
from domain.room import Room
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.values import UserId
from eventstore.mapper import create_mapper
from eventstore.snapshots import Snapshots
from tests.support.conditions import eventually
from tests.support.given_when_then import ADA, BOB, given
from tests.support.store import SNAPSHOT_KEY, append_lock_held, eventually_submitted, open_store

CROWD = [UserId(number) for number in range(100, 1400)]


def with_member(state: bytes, user_id: UserId) -> bytes:
    """The state of a snapshot, in which `user_id` is a member."""
    changed = json.loads(state)
    changed["state"]["members"]["_data_"].append([user_id, 3])
    return json.dumps(changed).encode()


async def test_a_long_room_is_loaded_from_its_snapshot_and_what_came_after(database_url: str) -> None:
    async with open_store(database_url) as store:
        room_id = await store.open_room()
        await store.chat.join_all(room_id, CROWD)
        await store.chat.leave_room(LeaveRoom(room_id, CROWD[0]))

        async def saved() -> bool:
            return bool(await store.database.fetchval("SELECT count(*) = 1 FROM snapshots"))

        await eventually(saved)
        row = await store.database.fetchrow("SELECT * FROM snapshots")
        assert row is not None
        # A member by the snapshot alone: the proof that it is what was loaded.
        taken = StoredEvent(room_id, row["originator_version"], row["topic"], with_member(row["state"], BOB))
        async with store.database.connection() as connection:
            await connection.execute("DELETE FROM snapshots")
            await Snapshots[Room](create_mapper(), key=SNAPSHOT_KEY).save(taken, connection=connection)
    async with open_store(database_url) as restarted:
        with pytest.raises(AlreadyAMember):
            await restarted.chat.join_room(JoinRoom(room_id, BOB))
        with pytest.raises(NotAMember):
            await restarted.chat.leave_room(LeaveRoom(room_id, CROWD[0]))
        await restarted.chat.post_message(PostMessage(room_id, CROWD[1], "hello"))
        assert await restarted.versions(room_id) == list(range(1, len(CROWD) + 5))


FORGERIES = {
    "altered": "UPDATE snapshots SET state = $1",
    "without a code": "UPDATE snapshots SET state = $1, mac = NULL",
    "of another version": "UPDATE snapshots SET originator_version = originator_version - 1, state = $1",
    "ahead of the log": "UPDATE snapshots SET originator_version = originator_version + 1000, state = $1",
    "of another key": "UPDATE snapshots SET state = $1, mac = sha256(mac)",
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_snapshot_lets_no_outsider_post_and_is_replaced(
    database_url: str, forgery: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_store(database_url) as store:
        room_id = await store.open_room()
        await store.chat.join_all(room_id, CROWD)

        async def saved() -> bool:
            return bool(await store.database.fetchval("SELECT count(*) = 1 FROM snapshots"))

        await eventually(saved)
        state = await store.database.fetchval("SELECT state FROM snapshots")
        await store.database.execute(FORGERIES[forgery], with_member(state, BOB))
    async with open_store(database_url) as restarted:
        with pytest.raises(NotAMember):
            await restarted.chat.post_message(PostMessage(room_id, BOB, "an outsider"))
        assert "snapshot ignored and removed" in caplog.messages
        await restarted.chat.post_message(PostMessage(room_id, CROWD[1], "hello"))

        async def replaced() -> bool:
            async with restarted.database.connection() as connection:
                snapshots = Snapshots[Room](create_mapper(), key=SNAPSHOT_KEY)
                return await snapshots.load(room_id, connection=connection) is not None

        await eventually(replaced)


async def test_without_its_snapshot_a_room_is_the_same(database_url: str) -> None:
    async with open_store(database_url) as store:
        room_id = await store.open_room()
        await store.chat.join_all(room_id, CROWD)
        await store.writer.close()
        await store.database.execute("DELETE FROM snapshots")
    async with open_store(database_url) as restarted:
        with pytest.raises(AlreadyAMember):
            await restarted.chat.join_room(JoinRoom(room_id, CROWD[-1]))
        await restarted.chat.join_room(JoinRoom(room_id, BOB))


async def test_a_snapshot_never_gives_way_to_an_older_one(database_url: str) -> None:
    snapshots: Snapshots[Room] = Snapshots(create_mapper(), key=SNAPSHOT_KEY)
    room = given()
    older = snapshots.take(room)
    room.join(user_id=BOB)
    newer = snapshots.take(room)
    async with open_store(database_url) as store, store.database.connection() as connection:
        await connection.execute(
            "INSERT INTO stored_events (originator_id, originator_version, topic, state)"
            " SELECT $1, version, 'of others', '' FROM generate_series(1, 3) AS version",
            room.room_id,
        )
        for taken in (newer, older):  # as from two processes, of which the one that began first is slow
            await snapshots.save(taken, connection=connection)
        loaded = await snapshots.load(room.room_id, connection=connection)
    assert loaded is not None
    assert loaded.version == 3


async def test_rooms_beyond_the_capacity_of_memory_are_loaded_again(database_url: str) -> None:
    async with open_store(database_url, capacity=2) as store:
        rooms = [await store.open_room(f"Room {number}") for number in range(5)]
        for content in ("first", "second"):
            for room_id in rooms:
                await store.chat.post_message(PostMessage(room_id, ADA, content))
        for room_id in rooms:
            assert await store.versions(room_id) == [1, 2, 3, 4]
        gc.collect()
        assert len([room for room in gc.get_objects() if isinstance(room, Room) and room.room_id in rooms]) == 2


async def test_a_room_in_use_stays_one_room_while_others_push_it_out_of_memory(database_url: str) -> None:
    batches: list[int] = []
    async with open_store(
        database_url, capacity=1, observer=lambda commands, _events, _seconds: batches.append(commands)
    ) as store:
        rooms = [await store.open_room(f"Room {number}") for number in range(3)]
        async with append_lock_held(database_url):
            under_way = asyncio.create_task(store.chat.join_room(JoinRoom(rooms[-1], BOB)))  # still in memory
            await eventually_submitted(store, 0)
            posts = [
                asyncio.create_task(store.chat.post_message(PostMessage(room_id, ADA, f"{number}")))
                for number in range(4)
                for room_id in rooms
            ]
            await eventually_submitted(store, len(posts))
        await asyncio.gather(under_way, *posts)
        assert batches[-1] == len(posts), "one room in two places spoils a batch, and its commands go one by one"
        for room_id, versions in zip(rooms, (6, 6, 7), strict=True):
            assert await store.versions(room_id) == list(range(1, versions + 1))


async def test_a_room_in_memory_is_the_very_object_that_commands_change(database_url: str) -> None:
    seen: list[int] = []

    def join(room: Room) -> None:
        seen.append(id(room))
        room.join(user_id=UserId(len(seen) + 10))

    async with open_store(database_url) as store:
        room_id = await store.open_room()
        for _ in range(3):
            await store.rooms.change(room_id, join)
    assert len(set(seen)) == 1


async def test_either_all_join_together_or_none(database_url: str) -> None:
    async with open_store(database_url) as store:
        room_id = await store.open_room()
        with pytest.raises(AlreadyAMember):
            await store.chat.join_all(room_id, [BOB, ADA])
        assert await store.versions(room_id) == [1, 2]
