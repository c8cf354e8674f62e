"""Limits that hold for all processes together: people behind a load balancer are not counted once for each process."""

import itertools
from collections.abc import Awaitable, Callable

from aiohttp.test_utils import TestServer

from api.http.app_keys import CORE
from tests.integration.conftest import StartServer, Visit
from tests.support.conditions import eventually
from tests.support.people import PASSWORD, Person

BURST = 50
ROOM_BURST = 20
SIGNUP_BURST = 3
MESSAGES = {"message_rate": 0.001, "message_burst": BURST}
ROOMS = {"room_rate": 0.001, "room_burst": ROOM_BURST}
SIGNUPS = {"signup_rate": 0.001, "signup_burst": SIGNUP_BURST}
PROCESSES = 2


async def ada_everywhere(visit: Visit, servers: list[TestServer]) -> list[Person]:
    """One user, logged in at each process."""
    first = await visit("ada", at=servers[0])
    others = [await visit(at=server) for server in servers[1:]]
    for other in others:
        await other.log_in("ada")
    return [first, *others]


async def accepted(act: Callable[[Person, int], Awaitable[int]], people: list[Person], *, tries: int) -> int:
    """How many of so many attempts are accepted when a load balancer gives each process its turn."""
    turns = itertools.cycle(people)
    statuses = [await act(next(turns), number) for number in range(tries)]
    assert set(statuses) <= {201, 429}
    return statuses.count(201)


async def post_or_open(person: Person, path: str, body: dict[str, str]) -> int:
    return (await person.post(path, body)).status


async def test_a_user_posts_no_more_by_way_of_two_processes(start_server: StartServer, visit: Visit) -> None:
    people = await ada_everywhere(visit, [await start_server(**MESSAGES) for _ in range(PROCESSES)])
    room = await people[0].open_room("Engines")

    async def post(person: Person, number: int) -> int:
        return await post_or_open(person, f"/api/rooms/{room}/messages/", {"content": str(number)})

    assert BURST <= await accepted(post, people, tries=3 * BURST) <= 1.7 * BURST

    async def is_refused_everywhere() -> bool:
        return [await post(person, 0) for person in people] == [429] * PROCESSES

    await eventually(is_refused_everywhere)


async def test_a_user_opens_no_more_rooms_by_way_of_two_processes(start_server: StartServer, visit: Visit) -> None:
    people = await ada_everywhere(visit, [await start_server(**ROOMS) for _ in range(PROCESSES)])

    async def open_room(person: Person, number: int) -> int:
        return await post_or_open(person, "/api/rooms/", {"name": f"Room {number}"})

    assert ROOM_BURST <= await accepted(open_room, people, tries=3 * ROOM_BURST) <= 1.7 * ROOM_BURST


async def test_an_address_opens_no_more_accounts_by_way_of_two_processes(
    start_server: StartServer, visit: Visit
) -> None:
    people = [await visit(at=await start_server(**SIGNUPS)) for _ in range(PROCESSES)]

    async def sign_up(person: Person, number: int) -> int:
        return await post_or_open(person, "/api/signup/", {"username": f"user{number}", "password": PASSWORD})

    assert await accepted(sign_up, people, tries=8) == SIGNUP_BURST


async def test_what_few_do_costs_no_statement(start_server: StartServer, visit: Visit) -> None:
    server = await start_server(**MESSAGES)
    ada = await visit("ada", at=server)
    room = await ada.open_room("Engines")
    for number in range(4):  # a tenth of the burst is five
        await ada.post(f"/api/rooms/{room}/messages/", {"content": str(number)})
    database = server.app[CORE].database
    rows = "SELECT count(*) FROM throttle_buckets WHERE burst = 50"
    assert await database.fetchval(rows) == 0
    await ada.post(f"/api/rooms/{room}/messages/", {"content": "the fifth"})

    async def is_reported() -> bool:
        return bool(await database.fetchval(rows))

    await eventually(is_reported)


async def test_a_debt_is_paid_back_before_more_is_allowed(start_server: StartServer, visit: Visit) -> None:
    server = await start_server(message_rate=20, message_burst=10)
    ada = await visit("ada", at=server)
    room = await ada.open_room("Engines")
    database = server.app[CORE].database
    assert (await ada.post(f"/api/rooms/{room}/messages/", {"content": "one"})).status == 201

    async def has_heard() -> bool:
        await database.execute("UPDATE throttle_buckets SET tokens = -10, counted_at = now() WHERE burst = 10")
        return (await ada.post(f"/api/rooms/{room}/messages/", {"content": "more"})).status == 429

    await eventually(has_heard)

    async def is_allowed() -> bool:
        return (await ada.post(f"/api/rooms/{room}/messages/", {"content": "again"})).status == 201

    await eventually(is_allowed)
