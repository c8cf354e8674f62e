"""Unread messages are counted on the way; a database of before gets the same counts."""

import random

import asyncpg

from domain.errors import ChatError
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.values import RoomId, UserId
from eventstore.values import Version
from postgres.migrations import read_migrations
from projections.readmodels.queries import NotInRoom
from projections.readmodels.reading.read_marks import ReadMarks
from tests.support.given_when_then import ADA, BOB
from tests.support.store import Store, open_store

EVE = UserId(BOB + 1)

COUNTS = (
    "SELECT * FROM memberships ORDER BY room_id, user_id, joined_version",
    "SELECT * FROM authors ORDER BY room_id, user_id",
    "SELECT * FROM read_marks ORDER BY room_id, user_id",
)


async def live(store: Store, chance: random.Random) -> None:
    """People come, talk, read and go in two rooms."""
    rooms = [await store.open_room(name) for name in ("One", "Two")]
    for _ in range(200):
        room_id, user_id = chance.choice(rooms), chance.choice((ADA, BOB, EVE))
        await act(store, room_id, user_id, chance)


async def act(store: Store, room_id: RoomId, user_id: UserId, chance: random.Random) -> None:
    try:
        match chance.choice(("join", "leave", "post", "post", "read")):
            case "join":
                await store.chat.join_room(JoinRoom(room_id, user_id))
            case "leave":
                await store.chat.leave_room(LeaveRoom(room_id, user_id))
            case "post":
                await store.chat.post_message(PostMessage(room_id, user_id, "something"))
            case _:
                newest = await store.database.fetchval("SELECT version FROM rooms WHERE room_id = $1", room_id)
                await ReadMarks(store.database).move(user_id, room_id, Version(chance.randint(1, newest)))
    except (ChatError, NotInRoom):
        pass  # the rules refuse some of it


async def test_a_database_of_before_gets_the_counts_that_are_kept_from_then_on(database_url: str) -> None:
    (migration,) = [step for step in read_migrations() if step.name == "counted_unread"]
    async with open_store(database_url) as store:
        await live(store, random.Random(1))
        kept = [await store.database.fetch(rows) for rows in COUNTS]
    assert all(kept)
    assert {row["own"] for row in kept[2]} > {0}
    connection = await asyncpg.connect(database_url)
    await connection.execute("""
        DROP TABLE authors;
        ALTER TABLE memberships DROP COLUMN messages_before;
        ALTER TABLE read_marks DROP COLUMN messages, DROP COLUMN own;
    """)
    await connection.execute(migration.sql)
    assert [await connection.fetch(rows) for rows in COUNTS] == kept
    await connection.close()


async def test_how_many_are_unread_is_known_without_a_look_at_the_messages(database_url: str) -> None:
    async with open_store(database_url) as store:
        room_id = await store.open_room()
        await store.chat.join_room(JoinRoom(room_id, BOB))
        for content in ("one", "two", "three"):
            await store.chat.post_message(PostMessage(room_id, ADA, content))
        await store.database.execute("TRUNCATE messages")
        (reading,) = await ReadMarks(store.database).of(BOB)
        assert (reading.unread, reading.counted) == (3, 6)
