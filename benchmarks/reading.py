"""(d) Reads: long lists, long rooms."""

import asyncio

from benchmarks.load import Run, Visitor
from benchmarks.load import run as drive
from benchmarks.server import Served, cpu_s, postgres, service
from benchmarks.tables import p50_p99, table
from domain.room.membership import JoinRoom
from domain.room.messages import PostMessage
from domain.values import RoomId, UserId
from eventstore.log import TABLE
from tests.support.store import Store, open_store

ROOMS, MESSAGES, UNREAD = 1_000, 10_000, 50


async def fill(store: Store, user_id: UserId) -> RoomId:
    """A user with a thousand rooms, one of which holds ten thousand messages."""
    rooms = await asyncio.gather(*(store.open_room(f"Room {number:04}", by=user_id) for number in range(ROOMS)))
    for start in range(0, MESSAGES, 500):
        posts = (PostMessage(rooms[0], user_id, f"message {number}") for number in range(start, start + 500))
        await asyncio.gather(*(store.chat.post_message(post) for post in posts))
    return rooms[0]


async def leave_unread(store: Store, user_id: UserId, by: UserId) -> None:
    """In each of the rooms, messages that a member has not read."""
    rooms = [row["room_id"] for row in await store.database.fetch("SELECT room_id FROM rooms")]
    await asyncio.gather(*(store.chat.join_room(JoinRoom(room_id, user_id)) for room_id in rooms))
    for number in range(UNREAD):
        posts = (PostMessage(room_id, by, f"unread {number}") for room_id in rooms)
        await asyncio.gather(*(store.chat.post_message(post) for post in posts))


async def get(served: Served, who: Visitor, path: str, *, each: int) -> Run:
    request = who.get(path)
    return await drive(served.url, lambda _place, _number: request, connections=4, each=each, status=200)


async def measure(served: Served, who: Visitor, name: str, path: str) -> tuple[str, ...]:
    """A row of the table."""
    await get(served, who, path, each=5)
    before = cpu_s(served.pid)
    result = await get(served, who, path, each=50)
    cpu = (cpu_s(served.pid) - before) / len(result.seconds) * 1000
    return (name, f"{result.per_second:,.0f}", *p50_p99(result.seconds), f"{cpu:.2f} ms")


async def run() -> None:
    async with postgres() as dsn, open_store(dsn, capacity=2000) as store, service(dsn) as served:
        ada = await Visitor.sign_up(served.url, "ada")
        room_id = await fill(store, UserId(ada.user_id))
        bob = await Visitor.sign_up(served.url, "bob")
        await store.database.execute("ANALYZE")
        read = [await measure(served, ada, "what is unread in 1,000 rooms, nothing", "/api/readings/")]
        await leave_unread(store, UserId(bob.user_id), UserId(ada.user_id))
        await store.database.execute("ANALYZE")
        read.append(await measure(served, bob, f"the same, {UNREAD} messages in each", "/api/readings/"))
        head = await store.database.fetchval(f"SELECT max(notification_id) FROM {TABLE}")
        room = f"/api/rooms/{room_id}"
        paths = {
            "rooms, page 1 of 10": "/api/rooms/",
            "rooms, page 10": "/api/rooms/?page=10",
            "one room": f"{room}/",
            "messages, page 1 of 100": f"{room}/messages/",
            "messages, page 100": f"{room}/messages/?page=100",
            "messages before 5000, limit 50": f"{room}/messages/?before=5000&limit=50",
            "search among 1,000": "/api/search/?q=room%2009",
            "events after 9,900": f"{room}/events/?after=9900&limit=100",
            "feed, nothing new": f"/api/feed/?after={head}",
            "feed from the beginning, limit 100": "/api/feed/?after=0&limit=100",
        }
        rows = [await measure(served, ada, name, path) for name, path in paths.items()]
    columns = ("GET, 4 connections", "requests/s", "p50", "p99", "server CPU per request")
    table(f"Reads: a user with {ROOMS:,} rooms, a room with {MESSAGES:,} messages", columns, rows + read)
