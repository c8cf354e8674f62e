"""The fan-out publishes only to warm members, and no member misses an event, whenever they come and go."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest

from api.settings import Settings
from api.wiring import create_leases
from centrifugo.hub.protocol.client_commands import StreamPosition
from centrifugo.publisher import Publication
from domain.room.membership import JoinRoom, LeaveRoom
from domain.values import RoomId, UserId
from eventstore.values import LOG_START
from projections.fanout.leases import Leases
from tests.support.given_when_then import ADA, BOB
from tests.support.lanes_under_test import TURN_COLD, Server, audience_positions, published_to, publishing
from tests.support.store import Store


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def leases(store: Store) -> Leases:
    return create_leases(Settings(cold_after="0s"), store.database)


async def say(store: Store, room_id: RoomId) -> int:
    return (await store.say(room_id, "hello")).position


async def room_of_two(store: Store) -> RoomId:
    room_id = await store.open_room(by=ADA)
    await store.chat.join_room(JoinRoom(room_id, BOB))
    return room_id


async def heard_in_a_room_of_two(store: Store, database_url: str) -> tuple[RoomId, int]:
    """A room, and the position of a message that was posted and published in it."""
    room_id = await room_of_two(store)
    position = await say(store, room_id)
    await published_to(database_url, position)
    return room_id, position


async def test_a_user_without_a_token_costs_nothing(
    store: Store, server: Server, leases: Leases, database_url: str
) -> None:
    await leases.renew(ADA, token_ttl_s=300)
    async with publishing(database_url, store, server, all_warm=False) as process:
        await published_to(database_url, await say(store, await room_of_two(store)))
        assert process.counts.left_out == 2  # BOB's joining and the message
    assert [publication["version"] for publication in server.published(ADA)] == [2, 3, 4]
    assert server.published(BOB) == []


async def test_with_cold_after_never_every_member_gets_every_event(
    store: Store, server: Server, database_url: str
) -> None:
    async with publishing(database_url, store, server, all_warm=True):
        await published_to(database_url, await say(store, await room_of_two(store)))
    assert [publication["version"] for publication in server.published(BOB)] == [3, 4]


async def test_a_user_who_turned_cold_is_notified_once_that_publications_pause(
    store: Store, server: Server, leases: Leases, database_url: str
) -> None:
    await leases.renew(BOB, token_ttl_s=300)
    async with publishing(database_url, store, server, all_warm=False):
        room_id, heard = await heard_in_a_room_of_two(store, database_url)
        await store.database.execute(TURN_COLD, BOB)
        noticed = await say(store, room_id)
        await published_to(database_url, noticed)
        await published_to(database_url, await say(store, room_id))
    async with publishing(database_url, store, server, all_warm=False):  # a new process knows that he was notified
        await published_to(database_url, await say(store, room_id))
    *told, paused = server.published(BOB)
    assert paused == {"type": "feed_paused", "position": told[-1]["position"]}
    assert told[-1]["position"] in (heard, noticed)  # the lane may publish to him once more, before it asks
    assert {each["type"] for each in told} == {"user_joined", "message_added"}


async def test_a_leaver_who_is_cold_is_notified_that_publications_pause(
    store: Store, server: Server, leases: Leases, database_url: str
) -> None:
    await leases.renew(BOB, token_ttl_s=300)
    async with publishing(database_url, store, server, all_warm=False):
        room_id, heard = await heard_in_a_room_of_two(store, database_url)
        await store.database.execute(TURN_COLD, BOB)
        left = await store.chat.leave_room(LeaveRoom(room_id, BOB))
        await published_to(database_url, left.position)
    assert server.published(BOB)[-1] == {"type": "feed_paused", "position": heard}


async def test_a_user_who_turns_cold_again_is_notified_again_at_the_same_position(
    store: Store, server: Server, leases: Leases, database_url: str
) -> None:
    await leases.renew(BOB, token_ttl_s=300)
    async with publishing(database_url, store, server, all_warm=False):
        room_id, heard = await heard_in_a_room_of_two(store, database_url)
    position = await say(store, room_id)
    for _ in range(2):
        await leases.renew(BOB, token_ttl_s=300)
        await store.database.execute(TURN_COLD, BOB)
        await store.database.execute("UPDATE fanout_lanes SET position = $1", heard)  # as if its process had died
        async with publishing(database_url, store, server, all_warm=False):
            await published_to(database_url, position)
    assert server.published(BOB)[-2:] == [{"type": "feed_paused", "position": heard}] * 2


class SlowServer(Server):
    """The way to a server's hub that holds its first call up after the first publication, until it may continue."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server
        self.has_begun, self.may_go_on, self.has_ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def publish(self, publications: Sequence[Publication]) -> None:
        await self._server.publish(publications[:1])
        if not self.has_begun.is_set():
            self.has_begun.set()
            try:
                await self.may_go_on.wait()
                await self._server.publish(publications[1:])
            finally:
                self.has_ended.set()
        else:
            await self._server.publish(publications[1:])


async def test_who_lost_a_lane_publishes_nothing_more_of_what_was_under_way(
    store: Store, server: Server, leases: Leases, database_url: str
) -> None:
    slow = SlowServer(server)
    room_id = await room_of_two(store)
    await say(store, room_id)
    await leases.renew(BOB, token_ttl_s=300)
    async with publishing(database_url, store, slow, all_warm=False):
        await slow.has_begun.wait()
        await store.database.execute(TURN_COLD, BOB)
        async with publishing(database_url, store, server, all_warm=False):
            await store.database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
                " WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND datname = current_database()"
            )
            await published_to(database_url, await say(store, room_id))
            await leases.renew(BOB, token_ttl_s=300)
            await published_to(database_url, await say(store, room_id))
            slow.may_go_on.set()
            await asyncio.wait_for(slow.has_ended.wait(), 60)
    heard = [publication["position"] for publication in server.published(BOB) if "body" in publication]
    assert heard == sorted(heard)


async def test_a_token_makes_warm_again_before_it_is_handed_out(
    store: Store, server: Server, leases: Leases, database_url: str
) -> None:
    await leases.renew(BOB, token_ttl_s=300)
    async with publishing(database_url, store, server, all_warm=False):
        room_id = await room_of_two(store)
        await store.database.execute(TURN_COLD, BOB)
        await published_to(database_url, await say(store, room_id))
        await leases.renew(BOB, token_ttl_s=300)
        position = await say(store, room_id)
        await published_to(database_url, position)
    assert server.positions(BOB)[-1] == position


async def test_a_lease_with_long_to_go_is_not_written_again(store: Store) -> None:
    leases = create_leases(Settings(cold_after="24h"), store.database)
    for _ in range(2):
        await leases.renew(BOB, token_ttl_s=300)
    written = await store.database.fetchval("SELECT count(DISTINCT changed_in) FROM leases")
    first = await store.database.fetchval("SELECT xmin::text FROM leases WHERE user_id = $1", BOB)
    await leases.renew(BOB, token_ttl_s=300)
    assert written == 1
    assert await store.database.fetchval("SELECT xmin::text FROM leases WHERE user_id = $1", BOB) == first


class Client:
    """What a browser does: fetch a token, subscribe where it left off, load what recovery could not give."""

    def __init__(self, user_id: UserId, store: Store, server: Server, leases: Leases) -> None:
        self.user_id = user_id
        self.seen: list[int] = []
        self._store = store
        self._server = server
        self._leases = leases
        self._complete_to = LOG_START
        self._offset: int | None = None
        self.has_token = self.is_subscribed = False
        self.must_load = True

    async def fetch_token(self) -> None:
        await self._leases.renew(self.user_id, token_ttl_s=0)
        self.has_token = True

    def subscribe(self) -> None:
        """As the server recovers: all since the offset, or else nothing and "not recovered"."""
        stream, items = self._history()
        top = items[-1][0] if items else stream.top
        recovered = self._offset is not None and (items[0][0] == self._offset + 1 if items else top == self._offset)
        self.is_subscribed = True
        if recovered:
            self.receive()
        else:
            self.must_load, self._offset = True, top

    def receive(self) -> None:
        """Take what was published since: live, or by recovery."""
        if not self.is_subscribed:
            return
        for offset, publication in self._received():
            self._offset = offset
            if publication["type"] == "feed_paused":
                self.must_load = True
            elif publication["position"] not in self.seen:
                self.seen.append(publication["position"])

    async def load(self) -> None:
        """The feed from where this client is known to be complete; a token first, so that publications come again."""
        await self.fetch_token()
        while True:
            step = await self._store.queries.feed(self.user_id, after=self._complete_to, limit=3)
            self.seen.extend(event.position for event in step.value if event.position not in self.seen)
            self._complete_to = step.position
            if len(step.value) < 3:
                break
        self.must_load = False

    def lose_connection(self, *, for_so_long_that_it_turns_cold: bool = False) -> None:
        self.receive()
        self.is_subscribed = False
        if for_so_long_that_it_turns_cold:
            self.has_token = False

    def _history(self) -> tuple[Any, list[Any]]:
        since = StreamPosition(self._offset, "") if self._offset is not None else None
        return self._server.hub.read_history(f"personal:{self.user_id}", limit=-1, since=since)

    def _received(self) -> list[tuple[int, dict[str, Any]]]:
        _, items = self._history()
        everything = self._server.published(self.user_id)
        return (
            [(offset, publication) for (offset, _), publication in zip(items, everything[-len(items) :], strict=True)]
            if items
            else []
        )


@pytest.mark.parametrize("history_size", [3, 1000], ids=["beyond the history", "within the history"])
@pytest.mark.parametrize("seed", range(4))
async def test_in_whatever_order_people_come_go_and_load_they_have_everything(
    store: Store, leases: Leases, database_url: str, seed: int, history_size: int
) -> None:
    chance = random.Random(seed)
    server = Server(history_size=history_size)
    room_id = await room_of_two(store)
    client = Client(BOB, store, server, leases)
    async with publishing(database_url, store, server, all_warm=False):
        for _ in range(150):
            await act(chance, client, store, room_id)
            await asyncio.sleep(chance.choice([0, 0, 0.001, 0.004]))
        await published_to(database_url, await say(store, room_id))
        client.receive()
        if not client.is_subscribed:
            await client.fetch_token()
            client.subscribe()
        if client.must_load:
            await client.load()
        client.receive()
    assert sorted(client.seen) == audience_positions(await store.events())[BOB]


async def act(chance: random.Random, client: Client, store: Store, room_id: RoomId) -> None:
    """One step of one of those involved."""
    match chance.randrange(9):
        case 0 | 1 | 2:
            await say(store, room_id)
        case 3:
            client.lose_connection()
        case 4:
            client.lose_connection(for_so_long_that_it_turns_cold=True)
            await store.database.execute(TURN_COLD, client.user_id)
        case 5:
            await client.fetch_token()
        case 6 if client.has_token and not client.is_subscribed:
            client.subscribe()
        case 7 if client.is_subscribed and client.must_load:
            await client.load()
        case _:
            client.receive()
