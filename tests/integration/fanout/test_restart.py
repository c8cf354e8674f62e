"""What lanes do about a log that went back."""

import asyncpg
import pytest

from domain.chat import PostMessage
from projections.operator_actions import read_actions
from tests.support.conditions import eventually
from tests.support.given_when_then import ADA
from tests.support.lanes_under_test import Server, lanes_of, published_to, publishing
from tests.support.store import open_store

MAKE_USER = """
INSERT INTO users (user_id, username, username_key, password_hash) OVERRIDING SYSTEM VALUE VALUES ($1, 'ada', 'ada', '')
"""
MISPLACED = {
    "beyond the head": "UPDATE fanout_lanes SET position = position + 100",
    "after another event": "UPDATE fanout_lanes SET anchor_hash = sha256(anchor_hash)",
}


@pytest.mark.parametrize("misplaced", MISPLACED)
@pytest.mark.parametrize("all_warm", [True, False])
async def test_a_lane_whose_checkpoint_is_not_in_the_log_moves_to_the_head_and_tells_its_users(
    database_url: str, misplaced: str, all_warm: bool
) -> None:
    server = Server()
    async with open_store(database_url) as store:
        await store.database.execute(MAKE_USER, ADA)
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
