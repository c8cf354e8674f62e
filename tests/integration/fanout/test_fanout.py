"""Fan-out between a real log and a real hub: order, lanes, failures. Who is warm is another file's subject."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from domain.errors import ChatError
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.values import ClientId, RoomId, UserId
from eventstore.generation import SHORT
from eventstore.values import Position
from postgres.embedded import EmbeddedPostgres
from projections.fanout import lane_table as lanes
from projections.fanout import tail, worker
from projections.fanout.resize import LanesBusy, change_lanes
from tests.support.conditions import eventually
from tests.support.given_when_then import ADA, BOB
from tests.support.lanes_under_test import (
    Server,
    audience_positions,
    covered_positions,
    lanes_of,
    named_by,
    published_to,
    publishing,
)
from tests.support.operator import OPERATOR
from tests.support.store import Store, open_store


@pytest.fixture
def server() -> Server:
    return Server()


async def say(store: Store, room_id: RoomId, content: str, by: UserId = ADA) -> int:
    return (await store.say(room_id, content, by)).position


async def say_three_the_second_of_which_is_refused(store: Store, server: Server, room_id: RoomId) -> list[int]:
    """Returns their positions. The room is a new one."""
    server.refuses = lambda publication: named_by(publication.idempotency_key) == f"{room_id}:4"
    return [await say(store, room_id, str(number)) for number in range(3)]


async def live(store: Store, rooms: list[RoomId], people: int, actions: int, seed: int) -> None:
    """People come, talk and go at random, many at a time."""
    chance = random.Random(seed)

    async def act() -> None:
        room_id, user_id = chance.choice(rooms), UserId(chance.randrange(1, people + 1))
        try:
            if (dice := chance.random()) < 0.15:
                await store.chat.join_room(JoinRoom(room_id, user_id))
            elif dice < 0.25:
                await store.chat.leave_room(LeaveRoom(room_id, user_id))
            else:
                await store.say(room_id, "hello", user_id)
        except ChatError:
            pass

    for _ in range(actions // 20):
        await asyncio.gather(*(act() for _ in range(20)))


async def check_everybody_got_everything(store: Store, server: Server) -> int:
    """Each channel holds exactly what the log says, once and in order; answers how many publications that were.

    A crowd's publication also stands for what happened before one of its people joined.
    """
    events = await store.events()
    expected = audience_positions(events)
    for user_id, positions in expected.items():
        if any(told["type"] == "members_changed" for told in server.published(user_id)):
            assert server.positions(user_id) == sorted(server.positions(user_id))
            assert set(positions) <= set(covered_positions(server.published(user_id), events))
        else:
            assert server.positions(user_id) == positions
    return sum(map(len, expected.values()))


async def test_twenty_thousand_publications_of_several_processes_are_all_in_order(database_url: str) -> None:
    """Three processes post, two publish in four lanes, rooms are big and small, and one call in ten fails half-way."""
    chance = random.Random(7)
    server = Server()
    server.unavailable = lambda _: chance.random() < 0.1
    await change_lanes(4, database_url, operator=OPERATOR)
    async with open_store(database_url) as one, open_store(database_url) as two, open_store(database_url) as three:
        rooms = [await one.open_room(f"Room {number}") for number in range(6)]
        await one.chat.join_all(rooms[0], [UserId(number) for number in range(2, 61)])
        for room_id in rooms[1:3]:
            await two.chat.join_all(room_id, [UserId(number) for number in range(2, 31)])
        async with publishing(database_url, one, server), publishing(database_url, two, server):
            await asyncio.gather(*(live(store, rooms, 60, 400, seed) for seed, store in enumerate((one, two, three))))
            await published_to(database_url, (await one.events())[-1].position)
        assert await check_everybody_got_everything(one, server) >= 20_000


async def test_a_member_gets_the_body_of_the_contract_and_a_key_made_of_the_fact(
    store: Store, server: Server, database_url: str
) -> None:
    async with publishing(database_url, store, server):
        room_id = await store.open_room(by=ADA)
        position = await say(store, room_id, "hello")
        await published_to(database_url, position)
    told = server.published(ADA)[-1]
    assert (told["type"], told["version"], told["position"]) == ("message_added", 3, position)
    assert told["body"]["room"]["version"] == told["body"]["id"] == 3
    digest = (await store.events())[-1].hash[:SHORT].hex()
    assert server.calls[-1][-1] == f"{room_id}:3:{digest}"
    generation, _, _ = told["log"].partition(".")
    assert (generation, told["log"].split("-")[1:]) == ("1", [f"{position}", digest])
    assert "idempotency_key" not in told


async def test_a_message_is_published_with_the_key_of_its_request(
    store: Store, server: Server, database_url: str
) -> None:
    async with publishing(database_url, store, server):
        room_id = await store.open_room(by=ADA)
        recorded = await store.chat.post_message(PostMessage(room_id, ADA, "hello", ClientId("a key of hers")))
        await published_to(database_url, recorded.position)
    assert server.published(ADA)[-1]["idempotency_key"] == "a key of hers"


@pytest.mark.parametrize("message_first", [True, False])
async def test_a_leaving_and_a_message_that_race_reach_whom_the_versions_say(
    store: Store, server: Server, database_url: str, message_first: bool
) -> None:
    room_id = await store.open_room(by=ADA)
    await store.chat.join_room(JoinRoom(room_id, BOB))
    commands = [
        store.chat.post_message(PostMessage(room_id, ADA, "hello")),
        store.chat.leave_room(LeaveRoom(room_id, BOB)),
    ]
    answers = await asyncio.gather(*(commands if message_first else reversed(commands)))
    async with publishing(database_url, store, server):  # long after both: "now" would be wrong for one of the two
        await published_to(database_url, max(answer.position for answer in answers))
    versions = [told["version"] for told in server.published(BOB)]
    assert versions == ([3, 4, 5] if message_first else [3, 4])
    await check_everybody_got_everything(store, server)


async def test_an_event_whose_notification_was_lost_is_published_all_the_same(
    store: Store, server: Server, database_url: str
) -> None:
    room_id = await store.open_room(by=ADA)
    async with publishing(database_url, store, server):
        position = await say(store, room_id, "announced")
        await published_to(database_url, position)
        silent = await asyncpg.connect(database_url)
        async with silent.transaction():
            await silent.execute("LOCK TABLE stored_events IN EXCLUSIVE MODE")
            await silent.execute(
                "INSERT INTO stored_events (originator_id, originator_version, topic, state)"
                " SELECT originator_id, 4, topic, state FROM stored_events WHERE notification_id = $1",
                position,
            )
        await silent.close()

        async def arrived() -> bool:
            return [told["version"] for told in server.published(ADA)] == [2, 3, 4]

        await eventually(arrived)


async def test_a_backlog_of_many_pages_is_published_without_waiting_for_announcements(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.fanout.tail.PAGE", 5)
    monkeypatch.setattr("projections.fanout.tail.POLL_S", 3600)
    async with open_store(database_url) as store:
        room_id = await store.open_room(by=ADA)
        recorded = [await store.chat.post_message(PostMessage(room_id, ADA, f"{number}")) for number in range(41)]
        server = Server()
        async with publishing(database_url, store, server):
            await published_to(database_url, recorded[-1].position)
    assert server.positions(ADA)[1:] == [each.position for each in recorded]


async def test_a_room_of_two_does_not_wait_for_a_room_of_five_thousand(
    store: Store, server: Server, database_url: str
) -> None:
    crowd = await store.open_room("Crowd", by=ADA)
    await store.chat.join_all(crowd, [UserId(number) for number in range(2, 5001)])
    pair = await store.open_room("Pair", by=ADA)
    await store.chat.join_room(JoinRoom(pair, BOB))
    joined = (await store.events())[-1].position
    await store.database.execute("UPDATE fanout_lanes SET position = $1", joined)  # nothing of that was published
    await say(store, crowd, "to the crowd")
    position = await say(store, pair, "to two, of whom both are in the crowd")
    async with publishing(database_url, store, server):
        await published_to(database_url, position)
    keys = [named_by(key) for call in server.calls for key in call]
    assert keys.count(f"{crowd}:{5002}") == 5
    assert keys.index(f"{pair}:4") < len(keys) - 2
    for user_id, positions in audience_positions(await store.events()).items():
        assert server.positions(user_id) == [at for at in positions if at > joined]


async def test_while_the_server_is_away_nothing_is_skipped_and_order_is_kept(
    store: Store, server: Server, database_url: str
) -> None:
    is_away = True
    server.unavailable = lambda _: is_away
    room_id = await store.open_room(by=ADA)
    async with publishing(database_url, store, server) as process:
        for number in range(20):
            position = await say(store, room_id, str(number))

        async def has_retried() -> bool:
            return process.counts.retries >= 3

        await eventually(has_retried)
        assert server.published(ADA) == []
        assert process.lag_events > 0
        is_away = False
        await published_to(database_url, position)
        assert process.lag_events == 0
        assert process.lag_s == 0
    await check_everybody_got_everything(store, server)


async def test_what_was_published_before_the_server_failed_is_not_repeated_to_its_successor(
    store: Store, server: Server, database_url: str
) -> None:
    room_id = await store.open_room(by=ADA)
    for _ in range(3):
        await say(store, room_id, "hello")
    server.unavailable = lambda publication: named_by(publication.idempotency_key) == f"{room_id}:4"
    async with publishing(database_url, store, server):
        await published_to(database_url, (await store.events())[2].position)
        assert len(server.published(ADA)) == 2
        server.unavailable = lambda _: False
        await published_to(database_url, await say(store, room_id, "after"))
    await check_everybody_got_everything(store, server)


async def test_a_refused_event_stops_its_lane_loudly_until_it_is_resumed(
    store: Store, server: Server, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    room_id = await store.open_room(by=ADA)
    positions = await say_three_the_second_of_which_is_refused(store, server, room_id)
    async with publishing(database_url, store, server):

        async def stopped() -> bool:
            return (await lanes_of(database_url))[0].failed_position == positions[1]

        await eventually(stopped)
        lane = (await lanes_of(database_url))[0]
        assert lane.position == positions[1] - 1
        assert lane.failed_reason is not None
        assert "107" in lane.failed_reason
        assert "fan-out stopped" in caplog.text
        assert server.positions(ADA)[-1] == positions[0]
        server.refuses = lambda _: False
        async with store.database.connection() as connection:
            await lanes.resume(connection)
        await published_to(database_url, positions[-1])
    await check_everybody_got_everything(store, server)


async def test_an_operator_skips_a_refused_event_and_it_is_kept_as_a_dead_letter(
    store: Store, server: Server, database_url: str
) -> None:
    room_id = await store.open_room(by=ADA)
    positions = await say_three_the_second_of_which_is_refused(store, server, room_id)
    async with publishing(database_url, store, server):

        async def skipped() -> bool:
            async with store.database.connection() as connection:
                return await lanes.skip(Position(positions[1]), connection)

        await eventually(skipped)
        await published_to(database_url, positions[-1])
    assert server.positions(ADA)[-2:] == [positions[0], positions[2]]
    letters = await store.database.fetch("SELECT position, room_id, version FROM dead_letters")
    assert [tuple(letter) for letter in letters] == [(positions[1], room_id, 4)]


async def test_a_lane_configured_to_do_so_sets_refused_events_aside(
    store: Store, server: Server, database_url: str
) -> None:
    room_id = await store.open_room(by=ADA)
    positions = await say_three_the_second_of_which_is_refused(store, server, room_id)
    async with publishing(database_url, store, server, sets_aside=True) as process:
        await published_to(database_url, positions[-1])
        assert process.counts.dead_letters == 1
    assert server.positions(ADA)[-2:] == [positions[0], positions[2]]


async def test_a_paused_fan_out_publishes_nothing_until_it_is_resumed(
    store: Store, server: Server, database_url: str
) -> None:
    room_id = await store.open_room(by=ADA)
    async with publishing(database_url, store, server):
        await published_to(database_url, await say(store, room_id, "before"))
        async with store.database.connection() as connection:
            await lanes.pause(connection)

            async def has_seen() -> bool:
                await say(store, room_id, "while paused")
                published = len(server.published(ADA))
                await asyncio.sleep(0.3)
                return len(server.published(ADA)) == published

            await eventually(has_seen)
            last = await say(store, room_id, "after")
            assert (await lanes_of(database_url))[0].position < last
            await lanes.resume(connection)
        await published_to(database_url, last)
    await check_everybody_got_everything(store, server)


async def test_lanes_are_shared_and_taken_over_when_a_process_loses_them(database_url: str) -> None:
    server = Server()
    await change_lanes(4, database_url, operator=OPERATOR)
    async with open_store(database_url) as store:
        rooms = [await store.open_room(f"Room {number}", by=UserId(number)) for number in range(1, 9)]
        async with publishing(database_url, store, server) as one:

            async def one_has(count: int) -> bool:
                return len(one.lanes) == count

            await eventually(lambda: one_has(4))
            async with publishing(database_url, store, server) as two:

                async def shared() -> bool:
                    return len(one.lanes) == len(two.lanes) == 2

                await eventually(shared)
                killing = await asyncpg.connect(database_url)
                await killing.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'onrecord fan-out' AND datname = current_database()"
                )
                await killing.close()
                for room_id, number in zip(rooms, range(1, 9), strict=True):
                    position = await say(store, room_id, "after", by=UserId(number))
                await published_to(database_url, position)
            await eventually(lambda: one_has(4))
        await check_everybody_got_everything(store, server)


async def test_the_number_of_lanes_changes_under_load_without_anything_lost_repeated_or_reordered(
    database_url: str,
) -> None:
    server = Server()
    async with open_store(database_url) as store, open_store(database_url) as other:
        rooms = [await store.open_room(f"Room {number}") for number in range(4)]
        await store.chat.join_all(rooms[0], [UserId(number) for number in range(2, 300)])
        async with publishing(database_url, store, server), publishing(database_url, other, server):
            living = asyncio.create_task(live(store, rooms, 40, 600, seed=3))
            for number in (4, 3, 1):
                await change_lanes(number, database_url, operator=OPERATOR)
                assert [(lane.lane, lane.lanes) for lane in await lanes_of(database_url)] == [
                    (lane, number) for lane in range(number)
                ]
            await living
            await published_to(database_url, (await store.events())[-1].position)
        await check_everybody_got_everything(store, server)


@asynccontextmanager
async def second_of_two_lanes_stopped(store: Store, server: Server, database_url: str) -> AsyncIterator[RoomId]:
    """The lane of the room's one member has stopped at an event that the server refuses."""
    await change_lanes(2, database_url, operator=OPERATOR)
    room_id = await store.open_room(by=UserId(1))
    server.refuses = lambda publication: named_by(publication.idempotency_key) == f"{room_id}:2"
    async with publishing(database_url, store, server):

        async def one_stopped() -> bool:
            return [lane.failed_position is not None for lane in await lanes_of(database_url)] == [False, True]

        await eventually(one_stopped)
        yield room_id


async def test_lanes_that_cannot_come_to_a_common_position_are_left_as_they_were(
    store: Store, server: Server, database_url: str
) -> None:
    async with second_of_two_lanes_stopped(store, server, database_url):
        with pytest.raises(LanesBusy, match="fanout-1"):
            await change_lanes(3, database_url, timeout_s=0.5, operator=OPERATOR)
    assert [(lane.lanes, lane.stop_at) for lane in await lanes_of(database_url)] == [(2, None), (2, None)]


async def test_lanes_resume_when_the_command_that_stopped_them_has_died(
    store: Store, server: Server, database_url: str
) -> None:
    async with second_of_two_lanes_stopped(store, server, database_url) as room_id:

        async def one_waits_for_the_other() -> bool:
            return [lane.waits_at is not None for lane in await lanes_of(database_url)] == [True, False]

        changing = asyncio.create_task(change_lanes(3, database_url, operator=OPERATOR))
        await eventually(one_waits_for_the_other)
        with pytest.raises(LanesBusy, match="already"):
            await change_lanes(4, database_url, operator=OPERATOR)
        changing.cancel()
        await asyncio.wait([changing])
        server.refuses = lambda _: False
        async with store.database.connection() as connection:
            await lanes.resume(connection)
        await published_to(database_url, await say(store, room_id, "after", by=UserId(1)))
    await check_everybody_got_everything(store, server)


async def test_a_database_that_takes_no_connections_for_a_while_ends_no_fanout(
    store: Store, server: Server, database_url: str, postgres: EmbeddedPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    """As while a backup is put in its place."""
    name = database_url.partition("@/")[2].partition("?")[0]
    room_id = await store.open_room(by=ADA)

    async def is_noticed() -> bool:
        return "cannot share lanes" in caplog.messages

    async with publishing(database_url, store, server):
        await published_to(database_url, await say(store, room_id, "before"))
        elsewhere = await asyncpg.connect(postgres.dsn)
        try:
            await elsewhere.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await elsewhere.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
            await eventually(is_noticed)
        finally:
            await elsewhere.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            await elsewhere.close()
        await published_to(database_url, await say(store, room_id, "after"))
    await check_everybody_got_everything(store, server)


async def test_a_lane_without_news_is_released_at_once(
    store: Store, server: Server, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "POLL_S", 60)
    monkeypatch.setattr(worker, "RELEASE_TIMEOUT_S", 60)
    room_id = await store.open_room()
    async with asyncio.timeout(60):
        async with publishing(database_url, store, server):
            await published_to(database_url, await say(store, room_id, "hello"))
