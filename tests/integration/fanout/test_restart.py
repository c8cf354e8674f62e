"""What lanes do about a log that went back."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
import pytest

from domain.room.membership import JoinRoom
from domain.room.messages import PostMessage
from domain.values import RoomId, UserId
from projections.fanout.publications import CROWD
from projections.operator_actions import read_actions
from tests.support.conditions import eventually
from tests.support.given_when_then import ADA, BOB
from tests.support.lanes_under_test import Server, lanes_of, published_to, publishing
from tests.support.restored_log import Backup
from tests.support.store import Store, open_store

MAKE_USER = """
INSERT INTO users (user_id, username, username_key, password_hash) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $2, '')
"""
MAKE_LEASE = "INSERT INTO leases (user_id, warm_until) VALUES ($1, now() + interval '1 day')"
MISPLACED = {
    "beyond the head": "UPDATE fanout_lanes SET position = position + 100",
    "after another event": "UPDATE fanout_lanes SET anchor_hash = sha256(anchor_hash)",
}


@pytest.mark.long
@pytest.mark.parametrize("misplaced", MISPLACED)
@pytest.mark.parametrize("all_warm", [True, False])
async def test_a_lane_whose_checkpoint_is_not_in_the_log_moves_to_the_head_and_tells_its_users(
    database_url: str, misplaced: str, all_warm: bool
) -> None:
    server = Server()
    async with open_store(database_url) as store:
        await store.database.execute(MAKE_USER, ADA, "ada")
        room_id = await store.open_room()
        before = (await store.chat.post_message(PostMessage(room_id, ADA, "before"))).position
        async with publishing(database_url, store, server, all_warm=all_warm):
            await published_to(database_url, before)
        assert store.known.generation == 1
        await store.database.execute(MISPLACED[misplaced])
        async with publishing(database_url, store, server, all_warm=all_warm):

            async def told() -> bool:
                return {"type": "log_restarted", "generation": 2} in server.published(ADA)

            await eventually(told)
            after = (await store.chat.post_message(PostMessage(room_id, ADA, "after"))).position
            await published_to(database_url, after)
        assert server.published(ADA)[-1]["position"] == after
        assert store.known.generation == 2
        (lane,) = await lanes_of(database_url)
        assert (lane.generation, lane.position) == (2, after)
        connection = await asyncpg.connect(database_url)
        (action,) = await read_actions(connection)
        await connection.close()
        assert (action.action, action.subject) == ("move to the head", "fanout-0")


Record = Callable[[Store, RoomId], Awaitable[object]]
ENDED = datetime(2026, 1, 1, tzinfo=UTC)


async def say(store: Store, room_id: RoomId) -> None:
    await store.chat.post_message(PostMessage(room_id, ADA, "again"))


async def be_a_crowd(store: Store, room_id: RoomId) -> None:
    await store.chat.join_all(room_id, [UserId(1000 + number) for number in range(CROWD)])


async def turn_cold(store: Store, room_id: RoomId) -> None:
    """Bob's lease, which is in the backup as well, ends; then there is something that he does not get."""
    await store.database.execute("UPDATE leases SET warm_until = $2 WHERE user_id = $1", BOB, ENDED)
    await say(store, room_id)


async def begin_a_generation(store: Store, room_id: RoomId) -> None:
    await store.database.execute("UPDATE fanout_lanes SET anchor_hash = sha256(anchor_hash)")


@pytest.mark.parametrize(
    ("record", "listener", "kind"),
    [
        (say, ADA, "message_added"),
        (be_a_crowd, ADA, "members_changed"),
        (turn_cold, BOB, "feed_paused"),
        (begin_a_generation, ADA, "log_restarted"),
    ],
)
async def test_what_happens_after_a_restore_is_published_though_no_process_remembers_what_was_lost(
    database_url: str, record: Record, listener: UserId, kind: str
) -> None:
    """The real-time server runs on, and knows the keys of what is no longer in the log. The clock may be the same."""
    server = Server()
    async with open_store(database_url) as store:
        for user_id, name in ((ADA, "ada"), (BOB, "bob")):
            await store.database.execute(MAKE_USER, user_id, name)
            await store.database.execute(MAKE_LEASE, user_id)
        room_id = await store.open_room()
        joined = (await store.chat.join_room(JoinRoom(room_id, BOB))).position
        async with publishing(database_url, store, server, all_warm=False):
            await published_to(database_url, joined)
    backup = await Backup.take(database_url)
    try:
        for times in (1, 2):
            async with open_store(database_url) as store:
                await record(store, room_id)
                async with publishing(database_url, store, server, all_warm=False):

                    async def told(times: int = times) -> bool:
                        return [told["type"] for told in server.published(listener)].count(kind) == times

                    await eventually(told)
            await backup.restore()
    finally:
        await backup.discard()
