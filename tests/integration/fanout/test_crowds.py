"""Many joins and leaves of one room in a row: one publication for all, in order for each of them."""

import pytest

from domain.room import Room
from domain.room.governance.moderation import RemoveMember
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.values import RoomId, UserId
from eventstore.generation import SHORT
from eventstore.values import Position
from projections.fanout.publications import CROWD
from projections.readmodels.shapes import MOST_NAMED
from tests.support.conditions import eventually
from tests.support.given_when_then import ADA, BOB
from tests.support.lanes_under_test import (
    Server,
    audience_positions,
    covered_positions,
    published_to,
    publishing,
)
from tests.support.store import Store

PASSER_BY = UserId(4)
CROWD_IDS = [UserId(number) for number in range(1001, 1001 + CROWD)]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def room_id(store: Store) -> RoomId:
    """Ada and Bob are in it, and have talked: up to version 4."""
    room_id = await store.open_room("Crowded", by=ADA)
    await store.chat.join_room(JoinRoom(room_id, BOB))
    await say(store, room_id)
    return room_id


async def end_of(store: Store) -> Position:
    return (await store.events())[-1].position


async def say(store: Store, room_id: RoomId, by: UserId = ADA) -> str:
    """Returns what the idempotency key of the publication names."""
    event = (await store.chat.post_message(PostMessage(room_id, by, "hello"))).event
    return f"{room_id}:{event.originator_version}"


def kinds(server: Server, user_id: UserId) -> list[tuple[str, int]]:
    return [(told["type"], told["version"]) for told in server.published(user_id)]


async def check_everybody_reaches_the_end(store: Store, server: Server) -> None:
    """Whatever the log has for a user is covered by what was published to them, and nothing after they left.

    One who is gone needs the own leaving only.
    """
    events = await store.events()
    gone = {recorded.event.user_id for recorded in events if isinstance(recorded.event, Room.UserLeft)}
    for user_id, positions in audience_positions(events).items():
        covered = covered_positions(server.published(user_id), events)
        assert user_id in gone or set(positions) <= set(covered)
        assert covered[-1] == positions[-1]


async def test_a_crowd_is_one_publication_to_those_who_were_there(
    store: Store, server: Server, database_url: str, room_id: RoomId
) -> None:
    await store.chat.join_all(room_id, CROWD_IDS)
    async with publishing(database_url, store, server):
        await published_to(database_url, await end_of(store))
    assert kinds(server, BOB) == [("user_joined", 3), ("message_added", 4), ("members_changed", 4 + CROWD)]
    told = server.published(BOB)[-1]
    assert told["position"] == await end_of(store)
    body = told["body"]
    assert (body["from"], body["version"], body["count"]) == (5, 4 + CROWD, CROWD)
    assert [user["id"] for user in body["joined"]] == CROWD_IDS[-MOST_NAMED:]
    assert body["left"] == []
    assert (body["room"]["member_count"], body["room"]["version"]) == (2 + CROWD, 4 + CROWD)
    last = (await store.events())[-1]
    assert server.calls[-1][-1] == f"{room_id}:5-{4 + CROWD}:{last.hash[:SHORT].hex()}"


async def test_one_who_joins_in_a_crowd_gets_the_own_event_and_then_the_rest(
    store: Store, server: Server, database_url: str, room_id: RoomId
) -> None:
    await store.chat.join_all(room_id, CROWD_IDS)
    async with publishing(database_url, store, server):
        await published_to(database_url, await end_of(store))
    assert kinds(server, CROWD_IDS[7]) == [("user_joined", 12), ("members_changed", 4 + CROWD)]


async def test_one_who_leaves_in_a_crowd_gets_the_own_leaving_and_nothing_after_it(
    store: Store, server: Server, database_url: str, room_id: RoomId
) -> None:
    await store.chat.join_room(JoinRoom(room_id, PASSER_BY))
    await store.chat.leave_room(LeaveRoom(room_id, BOB))
    await store.chat.leave_room(LeaveRoom(room_id, PASSER_BY))
    await store.chat.join_all(room_id, CROWD_IDS)
    async with publishing(database_url, store, server):
        await published_to(database_url, await end_of(store))
    assert kinds(server, PASSER_BY) == [("user_joined", 5), ("user_left", 7)]
    assert kinds(server, BOB)[-1] == ("user_left", 6)
    body = server.published(ADA)[-1]["body"]
    assert [user["id"] for user in body["left"]] == [BOB, PASSER_BY]


async def test_fewer_stay_single_events(store: Store, server: Server, database_url: str) -> None:
    room_id = await store.open_room(by=ADA)
    await store.chat.join_all(room_id, CROWD_IDS[:-2])  # one short, together with Ada's own join
    async with publishing(database_url, store, server):
        await published_to(database_url, await end_of(store))
    assert {kind for kind, _ in kinds(server, ADA)} == {"user_joined"}
    assert server.positions(ADA) == audience_positions(await store.events())[ADA]


async def test_another_event_of_the_room_ends_a_crowd_and_one_of_another_room_does_not(
    store: Store, server: Server, database_url: str, room_id: RoomId
) -> None:
    other = await store.open_room("Other", by=ADA)
    for user_id in CROWD_IDS[:25]:
        await store.chat.join_room(JoinRoom(room_id, user_id))
    await say(store, other)
    await store.chat.join_all(room_id, CROWD_IDS[25:])
    await say(store, room_id)
    await store.chat.join_all(room_id, [UserId(5000 + number) for number in range(CROWD - 1)])
    async with publishing(database_url, store, server):
        await published_to(database_url, await end_of(store))
    assert [told["body"]["from"] for told in server.published(BOB) if told["type"] == "members_changed"] == [5]
    assert server.positions(ADA) == sorted(server.positions(ADA))
    await check_everybody_reaches_the_end(store, server)


async def test_a_removal_ends_a_crowd_and_all_are_told_by_whom_and_why(
    store: Store, server: Server, database_url: str, room_id: RoomId
) -> None:
    await store.chat.join_all(room_id, CROWD_IDS)
    await store.governing.decide(RemoveMember(room_id, ADA, CROWD_IDS[0], "spam"))
    await store.chat.join_all(room_id, [UserId(5000 + number) for number in range(CROWD)])
    async with publishing(database_url, store, server):
        await published_to(database_url, await end_of(store))
    told = [kind for kind, _ in kinds(server, BOB)][2:]
    assert told == ["members_changed", "user_left", "members_changed"]
    removal = server.published(BOB)[-2]["body"]
    assert (removal["removed_by"]["id"], removal["why"]) == (ADA, "spam")
    await check_everybody_reaches_the_end(store, server)


async def test_a_successor_that_cuts_a_crowd_in_another_place_leaves_nothing_out(
    store: Store, server: Server, database_url: str, room_id: RoomId
) -> None:
    await store.chat.join_all(room_id, CROWD_IDS)
    server.unavailable = lambda publication: publication.idempotency_key.startswith(f"{room_id}:5-")
    async with publishing(database_url, store, server):

        async def tried() -> bool:
            return any(key.startswith(f"{room_id}:5-") for call in server.calls for key in call)

        await eventually(tried)
    assert server.published(CROWD_IDS[0])[-1]["type"] == "user_joined"  # the own events went out, the range did not
    server.unavailable = lambda _: False
    await store.chat.leave_room(LeaveRoom(room_id, CROWD_IDS[0]))
    await store.chat.join_all(room_id, [UserId(7000 + number) for number in range(10)])
    async with publishing(database_url, store, server):
        await published_to(database_url, await end_of(store))
    assert kinds(server, CROWD_IDS[0])[-1][0] == "user_left"
    await check_everybody_reaches_the_end(store, server)


async def test_the_lag_after_a_long_silence_is_the_age_of_the_event(
    store: Store, server: Server, database_url: str, room_id: RoomId
) -> None:
    async with publishing(database_url, store, server) as process:
        await published_to(database_url, await end_of(store))
    await store.database.execute("UPDATE fanout_lanes SET moved_at = now() - interval '1 day', paused = true")
    async with publishing(database_url, store, server) as process:

        async def holds() -> bool:
            return len(process.lanes) == 1

        await eventually(holds)
        await say(store, room_id)
        [lane] = process.lanes
        await lane._tail.after(lane.row.position)  # as another lane of the process does
        assert lane.lag_events > 0
        assert 0 < lane.lag_s < 3600
