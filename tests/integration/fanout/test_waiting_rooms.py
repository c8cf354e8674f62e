"""A crowded room waits by itself: its events are held back in bounded memory, and those of strangers pass."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
import pytest

from centrifugo.publisher import Publication
from domain.errors import ChatError
from domain.room.governance.roles import GiveRole
from domain.room.membership import JoinRoom, LeaveRoom
from domain.room.messages import PostMessage
from domain.values import RoomId, UserId
from eventstore.values import Position
from postgres.locks import NUMBER_OF_LANES
from projections.fanout.worker import Fanout
from tests.support.conditions import eventually
from tests.support.given_when_then import ADA, BOB
from tests.support.lanes_under_test import (
    Server,
    audience_positions,
    covered_positions,
    lanes_of,
    published_to,
    publishing,
)
from tests.support.store import Store

EVE, PASSER_BY = UserId(3), UserId(4)
MAX_BACKLOG, PAGE = 4, 5
ROOMS = "projections.fanout.waiting.rooms"


def place(key: str) -> str:
    """The room and the version in an idempotency key."""
    return key.rpartition(":")[0]


class WatchedServer(Server):
    """Calls `watch` with the places of each call before it is published."""

    watch: Callable[[list[str]], Awaitable[None]] | None = None

    async def publish(self, publications: Sequence[Publication]) -> None:
        if self.watch is not None:
            await self.watch([place(publication.idempotency_key) for publication in publications])
        await super().publish(publications)

    @property
    def places(self) -> list[str]:
        """The places of what was published, in order; twice for a publication of two pieces."""
        return [place(key) for call in self.calls for key in call]


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{ROOMS}.MAX_BACKLOG", MAX_BACKLOG)
    monkeypatch.setattr("projections.fanout.tail.PAGE", PAGE)


@pytest.fixture
def server() -> WatchedServer:
    return WatchedServer()


async def end_of(store: Store) -> Position:
    return (await store.events())[-1].position


async def say(store: Store, room_id: RoomId, by: UserId = ADA) -> str:
    """Returns the place of the message."""
    event = (await store.chat.post_message(PostMessage(room_id, by, "hello"))).event
    return f"{room_id}:{event.originator_version}"


async def crowded_room(store: Store, by: UserId, first: int) -> RoomId:
    """A room of 1,501, whose publications are two pieces each."""
    room_id = await store.open_room(f"Crowd of {by}", by=by)
    await store.chat.join_all(room_id, [UserId(number) for number in range(first, first + 1500)])
    return room_id


async def room_of_two(store: Store, one: UserId, other: UserId) -> RoomId:
    room_id = await store.open_room(f"Two with {one}", by=one)
    await store.chat.join_room(JoinRoom(room_id, other))
    return room_id


async def begin_here(store: Store) -> Position:
    """Publish only what comes from now on."""
    position = await end_of(store)
    await store.database.execute("UPDATE fanout_lanes SET position = $1", position)
    return position


async def check_all_came_in_order(store: Store, server: Server, *, after: Position) -> None:
    for user_id, positions in audience_positions(await store.events()).items():
        assert server.positions(user_id) == [at for at in positions if at > after]


@pytest.mark.parametrize("max_held", [20_000, 10])
async def test_strangers_pass_a_room_whose_events_wait_however_many_they_are(
    store: Store, server: WatchedServer, database_url: str, max_held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is in the crowded room, too, gets everything in order."""
    monkeypatch.setattr(f"{ROOMS}.MAX_HELD", max_held)
    crowded = await crowded_room(store, ADA, 1001)
    shared = await room_of_two(store, ADA, PASSER_BY)
    strangers = await room_of_two(store, BOB, EVE)
    begin = await begin_here(store)
    of_the_room = [await say(store, crowded) for _ in range(40)]
    shared_place = await say(store, shared, PASSER_BY)
    strangers_place = await say(store, strangers, BOB)
    async with publishing(database_url, store, server):
        await published_to(database_url, await end_of(store))
    assert server.places.index(strangers_place) < server.places.index(of_the_room[20])
    assert server.places.index(shared_place) > server.places.index(of_the_room[-1])
    await check_all_came_in_order(store, server, after=begin)


@pytest.mark.parametrize(("limit", "value"), [("MAX_ROOMS", 3), ("MAX_MEMBERSHIPS", 1600)])
async def test_strangers_pass_however_many_rooms_wait(
    store: Store, server: WatchedServer, database_url: str, limit: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The strangers speak last, while far more rooms wait than the lane keeps in memory, or bigger ones."""
    monkeypatch.setattr(f"{ROOMS}.{limit}", value, raising=False)
    monkeypatch.setattr(f"{ROOMS}.MAX_HELD", 6)
    crowded = await crowded_room(store, ADA, 1001)
    small = [await room_of_two(store, UserId(1001 + number), UserId(5001 + number)) for number in range(20)]
    big = await crowded_room(store, PASSER_BY, 1801)
    strangers = await room_of_two(store, BOB, EVE)
    begin = await begin_here(store)
    of_the_room = [await say(store, crowded) for _ in range(40)]
    for _ in range(2):
        for number, room_id in enumerate(small):
            await say(store, room_id, UserId(1001 + number))
        await say(store, big, PASSER_BY)
    strangers_place = await say(store, strangers, BOB)
    process: Fanout
    waiting: list[int] = []

    async def look(_: list[str]) -> None:
        [lane] = process.lanes
        waiting.append(len(lane._waiting))
        assert len(lane._waiting._rooms) <= 3 or limit != "MAX_ROOMS"

    server.watch = look
    async with publishing(database_url, store, server) as process:
        await published_to(database_url, await end_of(store))
    assert max(waiting) == 22
    assert server.places.index(strangers_place) < server.places.index(of_the_room[30])
    await check_all_came_in_order(store, server, after=begin)


async def test_of_what_waits_no_more_than_the_limits_is_in_memory(
    store: Store, server: WatchedServer, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{ROOMS}.MAX_HELD", 10)
    monkeypatch.setattr(f"{ROOMS}.SLICE", 7)
    crowded = await crowded_room(store, ADA, 1001)
    begin = await begin_here(store)
    for _ in range(60):
        await say(store, crowded)
    process: Fanout
    seen: list[tuple[int, int]] = []

    async def look(_: list[str]) -> None:
        [lane] = process.lanes
        seen.append((len(lane._backlog), lane._waiting.held))

    server.watch = look
    async with publishing(database_url, store, server) as process:
        await published_to(database_url, await end_of(store))
    assert max(waiting for waiting, _ in seen) == MAX_BACKLOG
    assert 5 <= max(held for _, held in seen) <= 10
    await check_all_came_in_order(store, server, after=begin)


async def test_what_is_said_while_held_events_are_released_goes_between_them(
    store: Store, server: WatchedServer, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{ROOMS}.SLICE", 10)
    crowded = await crowded_room(store, ADA, 1001)
    shared = await room_of_two(store, ADA, PASSER_BY)
    strangers = await room_of_two(store, BOB, EVE)
    begin = await begin_here(store)
    for _ in range(30):  # so many that the lane has read to the end of the log before they are through
        await say(store, crowded)
    held = [await say(store, shared, PASSER_BY) for _ in range(100)]
    strangers_places: list[str] = []

    async def answer(places: list[str]) -> None:
        if held[0] in places and not strangers_places:
            strangers_places.append(await say(store, strangers, BOB))

    server.watch = answer
    async with publishing(database_url, store, server):
        await published_to(database_url, await end_of(store))
    assert server.places.index(strangers_places[0]) < server.places.index(held[40])
    await check_all_came_in_order(store, server, after=begin)


async def test_a_room_of_hundreds_does_not_wait_for_one_of_thousands(
    store: Store, server: WatchedServer, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither has so many publications that its next ones are held back."""
    monkeypatch.setattr(f"{ROOMS}.MAX_BACKLOG", 50)
    thousands = await crowded_room(store, ADA, 1001)
    hundreds = await store.open_room(by=BOB)
    await store.chat.join_all(hundreds, [UserId(number) for number in range(3001, 3301)])
    begin = await begin_here(store)
    of_thousands = [await say(store, thousands) for _ in range(40)]
    of_hundreds = await say(store, hundreds, BOB)
    async with publishing(database_url, store, server):
        await published_to(database_url, await end_of(store))
    assert server.places.index(of_hundreds) < server.places.index(of_thousands[20])
    await check_all_came_in_order(store, server, after=begin)


async def test_one_crowded_room_does_not_wait_for_another(
    store: Store, server: WatchedServer, database_url: str
) -> None:
    one = await crowded_room(store, ADA, 1001)
    other = await crowded_room(store, BOB, 3001)
    begin = await begin_here(store)
    of_one = [await say(store, one) for _ in range(60)]
    of_other = [await say(store, other, BOB) for _ in range(12)]
    async with publishing(database_url, store, server):
        await published_to(database_url, await end_of(store))
    assert server.places.index(of_other[-1]) < server.places.index(of_one[40])
    await check_all_came_in_order(store, server, after=begin)


async def test_who_comes_and_goes_between_a_room_that_waits_and_others_gets_all_in_order(
    store: Store, server: WatchedServer, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for them begins and ends within what the lane reads at once."""
    monkeypatch.setattr("projections.fanout.tail.PAGE", 100)
    crowded = await crowded_room(store, ADA, 1001)
    eves = await room_of_two(store, EVE, PASSER_BY)
    bobs = await store.open_room("Of Bob", by=BOB)
    begin = await begin_here(store)
    await say(store, bobs, BOB)
    for _ in range(2 * MAX_BACKLOG):
        await say(store, crowded)
    await store.chat.join_room(JoinRoom(crowded, EVE))
    await say(store, eves, EVE)
    await say(store, bobs, BOB)
    await store.chat.join_room(JoinRoom(bobs, ADA))
    await say(store, bobs, ADA)
    await store.governing.decide(GiveRole(crowded, ADA, EVE, "owner", "ada goes"))
    await store.chat.leave_room(LeaveRoom(crowded, ADA))
    async with publishing(database_url, store, server):
        await published_to(database_url, await end_of(store))
    await check_all_came_in_order(store, server, after=begin)


async def test_a_lane_told_to_stop_where_it_has_read_on_stops_there_and_then_repeats_nothing(
    store: Store, server: WatchedServer, database_url: str
) -> None:
    """The number of lanes was to change, and did not."""
    crowded = await crowded_room(store, ADA, 1001)
    begin = await begin_here(store)
    of_the_room = [await say(store, crowded) for _ in range(40)]
    stop = Position((await store.events())[-31].position)
    changing = await asyncpg.connect(database_url)
    assert await NUMBER_OF_LANES.try_take(changing)

    async def tell_to_stop(_: list[str]) -> None:
        if len(server.calls) == 4:
            await changing.execute("UPDATE fanout_lanes SET stop_at = $1", stop)

    server.watch = tell_to_stop
    async with publishing(database_url, store, server):

        async def waits() -> bool:
            return [lane.waits_at for lane in await lanes_of(database_url)] == [stop]

        await eventually(waits)
        assert of_the_room[9] in server.places
        assert of_the_room[20] not in server.places
        await changing.close()
        await published_to(database_url, await end_of(store))
    assert Counter(server.places) == dict.fromkeys(of_the_room, 2)
    await check_all_came_in_order(store, server, after=begin)


LIMITS: tuple[dict[str, int], ...] = ({}, {"MAX_ROOMS": 1}, {"MAX_ROOMS": 3}, {"MAX_MEMBERSHIPS": 40})


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("seed", range(3))
async def test_whatever_waits_everybody_gets_everything_in_order(
    store: Store,
    server: WatchedServer,
    database_url: str,
    seed: int,
    limits: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rooms of all sizes fill up, share users, are cut in memory and read again; people come and go; calls fail."""
    chance = random.Random(seed)
    for limit, value in limits.items():
        monkeypatch.setattr(f"{ROOMS}.{limit}", value)
    for limit, value in (("MAX_BACKLOG", 2), ("MAX_HELD", 30), ("SLICE", 7)):
        monkeypatch.setattr(f"{ROOMS}.{limit}", value)
    monkeypatch.setattr("projections.fanout.waiting.backlog.SMALL_AUDIENCE", 8)
    monkeypatch.setattr("projections.fanout.waiting.backlog.PER_CALL", 5)
    monkeypatch.setattr("projections.fanout.audience.PER_CALL", 5)
    server.unavailable = lambda _: chance.random() < 0.01
    rooms = [await store.open_room(f"Room {number}") for number in range(12)]
    for number, room_id in enumerate(rooms):
        await store.chat.join_all(room_id, chance.sample([UserId(user) for user in range(10, 90)], 3 + 2 * number))

    async def act() -> None:
        room_id, user_id = chance.choice(rooms[-chance.randrange(1, 13) :]), UserId(chance.randrange(10, 90))
        try:
            match chance.choices(("post", "join", "leave"), (10, 2, 1)):
                case ["join"]:
                    await store.chat.join_room(JoinRoom(room_id, user_id))
                case ["leave"]:
                    await store.chat.leave_room(LeaveRoom(room_id, user_id))
                case _:
                    await store.chat.post_message(PostMessage(room_id, user_id, "hello"))
        except ChatError:
            pass

    was_cut = overflowed = False

    async def look(_: list[str]) -> None:
        nonlocal was_cut, overflowed
        overflowed |= any(lane._waiting._overflow is not None for lane in process.lanes)
        was_cut |= any(room.has_more for lane in process.lanes for room in lane._waiting._rooms.values())

    async with publishing(database_url, store, server) as process:
        server.watch = look
        for _ in range(60):
            await asyncio.gather(*(act() for _ in range(20)))
        await published_to(database_url, await end_of(store))
    assert overflowed == bool(limits)
    assert was_cut or limits
    events = await store.events()
    for user_id, positions in audience_positions(events).items():
        published = server.published(user_id)
        if any(told["type"] == "members_changed" for told in published):
            assert server.positions(user_id) == sorted(server.positions(user_id))
            assert set(positions) <= set(covered_positions(published, events))
        else:
            assert server.positions(user_id) == positions
