"""A stock `eventsourcing` application on its own PostgreSQL recorder shares one log with us."""

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest
from eventsourcing.persistence import IntegrityError
from eventsourcing.projection import ApplicationSubscription

from api.wiring import create_fold
from domain.errors import NameTaken
from domain.room import Room
from domain.room.membership import JoinRoom
from domain.room.messages import PostMessage
from domain.values import ClientId, RoomId, UserId
from domain.words import Erased, Plain, Present
from projections.readmodels.queries import NotInRoom
from replay.investigate.words_status import PlainRoom, read_words_status
from replay.rebuild.verify import verify
from tests.support.conditions import eventually
from tests.support.given_when_then import ADA, BOB
from tests.support.stock_application import StockRooms, stock_environment
from tests.support.store import Store, open_store

OURS, THEIRS, SHARED = 300, 60, 20


@pytest.fixture
def stock(database_url: str) -> Iterator[StockRooms]:
    application = StockRooms(env=stock_environment(database_url))
    yield application
    application.close()


def open_and_fill(stock: StockRooms, messages: int) -> RoomId:
    """A room of theirs, saved once a message."""
    room = Room.open(name="Theirs", user_id=BOB)
    for number in range(messages):
        room.post(user_id=BOB, content=f"theirs {number}")
        stock.save(room)
    return room.room_id


def post_into(stock: StockRooms, room_id: UUID, messages: int) -> None:
    """Into a room that others post in as well: who comes second decides again."""
    for number in range(messages):
        while True:
            room: Room = stock.repository.get(room_id)
            room.post(user_id=BOB, content=f"shared {number}")
            try:
                stock.save(room)
                break
            except IntegrityError:
                continue


def follow(stock: StockRooms, events: int) -> list[tuple[int, UUID, int]]:
    """The first `events` of the log as the library's own subscription gives them."""
    with ApplicationSubscription(stock, gt=0) as subscription:
        seen = []
        for event, tracking in subscription:
            seen.append((tracking.notification_id, event.originator_id, event.originator_version))
            if len(seen) == events:
                break
        return seen


async def all_places(store: Store) -> list[tuple[int, UUID, int]]:
    return [(r.position, r.event.originator_id, r.event.originator_version) for r in await store.events()]


async def test_a_stock_application_loads_what_we_recorded(database_url: str, stock: StockRooms) -> None:
    async with open_store(database_url) as store:
        room_id = await store.open_room("Ours", by=ADA)
        await store.chat.join_room(JoinRoom(room_id, BOB))
        await store.chat.post_message(PostMessage(room_id, ADA, "grüße 👋"))
    room: Room = await asyncio.to_thread(stock.repository.get, room_id)
    assert (set(room.members), room.version) == ({ADA, BOB}, 4)


async def test_a_stock_application_loads_sealed_events_erased_ones_and_its_own_and_appends(
    database_url: str, stock: StockRooms
) -> None:
    def post(room_id: UUID) -> Room:
        room: Room = stock.repository.get(room_id)
        room.post(user_id=BOB, content="plain words of theirs")
        room.rename(user_id=ADA, name="Plainly theirs", is_taken=False, present=None)
        stock.save(room)
        return stock.repository.get(room_id)

    async with open_store(database_url) as store:
        room_id = await store.open_room("Ours", by=ADA)
        await store.chat.join_room(JoinRoom(room_id, BOB))
        await store.chat.post_message(PostMessage(room_id, ADA, "sealed words", ClientId("1")))
        await store.chat.post_message(PostMessage(room_id, ADA, "words to be erased"))
        await store.database.execute("SELECT erase_bodies($1, '{5}')", room_id)
        room = await asyncio.to_thread(post, room_id)
        assert (set(room.members), room.version) == ({ADA, BOB}, 7)
        await store.chat.post_message(PostMessage(room_id, ADA, "sealed again"))
        page = (await store.queries.messages(ADA, room_id, page=1)).value
        assert page is not None
        shown = ["sealed again", "plain words of theirs", "", "sealed words"]
        assert [message.content for message in page.results] == shown
        assert (await store.queries.room(ADA, room_id)).value.name == "Plainly theirs"
        said = [r.event.words for r in await store.events() if isinstance(r.event, Room.MessageAdded)]
        assert said == [Present("sealed words"), Erased(), Plain("plain words of theirs"), Present("sealed again")]
        status = await read_words_status(store.database)
        assert (status.sealed, status.erased, status.plain, status.of_others) == (3, 1, 2, 0)
        assert status.plain_rooms == [PlainRoom(room_id, "Plainly theirs", 2)]
        with pytest.raises(NameTaken):
            await store.open_room("plainly THEIRS")
    assert (await verify(create_fold(), database_url, lambda _: None)).differences == []


async def test_both_append_at_once_and_each_sees_every_event_once_and_in_order(
    database_url: str, stock: StockRooms
) -> None:
    async with open_store(database_url) as store:
        ours = await store.open_room("Ours", by=ADA)
        shared = await store.open_room("Shared", by=ADA)
        await store.chat.join_room(JoinRoom(shared, BOB))
        total = 5 + OURS + (THEIRS + 2) + 2 * SHARED
        following = asyncio.create_task(asyncio.to_thread(follow, stock, total))

        async def post(room_id: RoomId, messages: int) -> None:
            for number in range(messages):
                await store.chat.post_message(PostMessage(room_id, ADA, f"ours {number}"))

        theirs, *_ = await asyncio.gather(
            asyncio.to_thread(open_and_fill, stock, THEIRS),
            asyncio.to_thread(post_into, stock, shared, SHARED),
            post(ours, OURS),
            post(shared, SHARED),
        )
        places = await all_places(store)
        assert await following == places
        assert len(places) == len(set(places)) == total
        assert places == sorted(places)
        for room_id, messages in ((ours, OURS), (shared, 2 * SHARED + 1), (theirs, THEIRS)):
            assert await store.versions(room_id) == list(range(1, messages + 3))


async def test_our_read_models_show_what_a_stock_application_appended(database_url: str, stock: StockRooms) -> None:
    async with open_store(database_url) as store:
        theirs = await asyncio.to_thread(open_and_fill, stock, 3)

        async def shown() -> bool:
            try:
                return (await store.queries.room(BOB, theirs)).value.version == 5
            except NotInRoom:
                return False

        await eventually(shown)
        page = (await store.queries.messages(BOB, theirs, page=1)).value
        assert page is not None
        assert [message.content for message in page.results] == ["theirs 2", "theirs 1", "theirs 0"]


async def test_a_room_name_that_a_stock_application_took_twice_stops_nothing(
    database_url: str, stock: StockRooms
) -> None:
    async with open_store(database_url) as store:
        await store.open_room("Theirs", by=ADA)
        theirs = await asyncio.to_thread(open_and_fill, stock, 1)
        await store.chat.join_room(JoinRoom(theirs, ADA))
        found = (await store.queries.search(UserId(9), "theirs", page=1)).value
        assert found is not None
        assert found.count == 2
