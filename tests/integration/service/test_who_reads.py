"""Through no door of the service comes a word that the caller may not read. The router names the doors.

A door is every route that answers GET. One that is added later is walked through as well; one with a new part of a path
fails here until the part is given values.
"""

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

import pytest
from aiohttp.test_utils import TestServer

from tests.integration.conftest import Visit
from tests.support.people import Person

HIDDEN = "hushed"
"""Part of every text that the one who asks may not read."""

QUERIES = ("", "?page=1", "?q=", f"?q={HIDDEN}", "?before=1000", "?before=1000&limit=500", "?after=0&limit=1000")
MOMENTS = tuple(f"?at={version}" for version in range(1, 24))
"""Of a room, by version."""

NOT_OF_ROOMS = {"name", "path", "filename"}
"""Parts of paths that name files, or stand for every other path."""


def doors(server: TestServer) -> Iterator[str]:
    """The path of every route that answers GET."""
    for route in server.app.router.routes():
        if route.method == "GET" and route.resource is not None:
            yield route.resource.canonical


def places(door: str, values: dict[str, list[str]]) -> Iterator[str]:
    """The path of a door with every combination of values for its parts."""
    found = re.search(r"{(\w+)}", door)
    if found is None:
        yield door
        return
    if found[1] in NOT_OF_ROOMS:
        return
    assert found[1] in values, f"{door} has a part {found[1]}: say here what it may be"
    for value in values[found[1]]:
        yield from places(door.replace(found[0], value), values)


def queries(door: str) -> tuple[str, ...]:
    """What to ask at a door: whatever a list or a page of a room may take; nothing of a single message."""
    if door.count("{") > 1:
        return QUERIES[:1]
    return (*QUERIES, *MOMENTS) if "{room_id}" in door else QUERIES


async def walk(server: TestServer, person: Person, rooms: list[str], others: list[Person]) -> AsyncGenerator[str, None]:
    """The addresses through whose doors the person gets a hidden word."""
    values = {
        "room_id": rooms,
        "version": [str(version) for version in range(1, 24)],
        "message_id": [str(version) for version in range(1, 24)],
        "user_id": [str(other.user["id"]) for other in others],
        "emoji": ["%F0%9F%91%8D"],
        "dead_letter_id": ["1"],
        "epoch": ["1"],
        "level": ["0"],
        "number": ["000"],
        "width": ["1", "3"],
        "upload_id": ["6f6e7265-636f-4264-8000-000000000000"],
    }
    walked = 0
    for door in sorted(set(doors(server))):
        for place in places(door, values):
            for query in queries(door):
                answer = await person.get(f"{place}{query}", headers={"Accept": "text/html, application/json"})
                walked += 1
                assert answer.status < 500, (place, query)
                if HIDDEN.encode() in answer.raw.replace(f"?q={HIDDEN}".encode(), b"").replace(
                    f'value="{HIDDEN}"'.encode(), b""
                ).replace(f"“<bdi>{HIDDEN}</bdi>”".encode(), b""):
                    yield f"{place}{query}"
    assert walked > 100


async def done(person: Person, path: str, body: object = None) -> int:
    answer = await person.post(path, body or {})
    assert answer.status in (200, 201), (path, answer.raw)
    return int(answer.body.get("id", 0)) if isinstance(answer.body.get("id"), int) else 0


async def do(person: Person, method: str, path: str, body: object = None) -> None:
    answer = await person.request(method, path, body if body is not None else {})
    assert answer.status in (200, 201), (method, path, answer.raw)


async def say(person: Person, room: str, content: str) -> int:
    return await done(person, f"/api/rooms/{room}/messages/", {"content": content})


async def private_room(owner: Person, name: str, history: str) -> str:
    answer = await owner.post("/api/rooms/", {"name": name, "visibility": "private", "history": history})
    assert answer.status == 201, answer.raw
    return str(answer.body["id"])


async def admit(owner: Person, room: str, *people: Person) -> None:
    for person in people:
        await done(owner, f"/api/rooms/{room}/invite/", {"username": person.user["username"]})
        await done(person, f"/api/rooms/{room}/join/")


@pytest.mark.parametrize("history", ["all", "since_joining"])
async def test_a_stranger_and_a_former_member_of_a_private_room_get_nothing_of_it(
    server: TestServer, ada: Person, bob: Person, visit: Visit, history: str
) -> None:
    former = await visit("fay")
    await visit("gil")
    room = await private_room(ada, "Engines", history)
    unknown = await private_room(ada, f"{HIDDEN} name", history)
    await say(ada, room, f"{HIDDEN} before")
    await admit(ada, room, former)
    said = await say(ada, room, f"{HIDDEN} while the other was there")
    await say(former, room, f"{HIDDEN} by themselves")
    await do(ada, "PUT", f"/api/rooms/{room}/messages/{said}/pin/")
    await done(former, f"/api/rooms/{room}/leave/")
    await say(ada, room, f"{HIDDEN} after")
    direct = (await ada.post("/api/direct/", {"usernames": ["gil"]})).body["id"]
    await say(ada, direct, f"{HIDDEN}, said to one")
    for person in (bob, former):
        assert [door async for door in walk(server, person, [room, unknown, direct], [ada, bob, former])] == []
        for name, body in (("join", {}), ("messages", {"content": "x"}), ("read", {"version": 1})):
            assert (await person.post(f"/api/rooms/{room}/{name}/", body)).status == 404
    async with aclosing(walk(server, ada, [room], [ada])) as found:
        assert await anext(found), "one who may read it finds it so"


async def test_who_joins_late_gets_nothing_of_what_was_said_before_or_meanwhile(
    server: TestServer, ada: Person, bob: Person
) -> None:
    room = await private_room(ada, "Engines", "since_joining")
    early = await say(ada, room, f"{HIDDEN} before")
    other = await say(ada, room, f"{HIDDEN} too")
    await admit(ada, room, bob)
    own = await say(ada, room, "heard")
    await done(bob, f"/api/rooms/{room}/leave/")
    away = await say(ada, room, f"{HIDDEN} meanwhile")
    await admit(ada, room, bob)
    for said in (early, away):
        await do(ada, "PUT", f"/api/rooms/{room}/messages/{said}/pin/")
        await do(ada, "PATCH", f"/api/rooms/{room}/messages/{said}/", {"content": f"{HIDDEN} edited"})
        await do(ada, "PUT", f"/api/rooms/{room}/messages/{said}/reactions/%F0%9F%91%8D/")
    await done(ada, f"/api/rooms/{room}/messages/{other}/retract/", {"why": "slip"})
    last = await say(ada, room, "heard again")
    assert [door async for door in walk(server, bob, [room], [ada, bob])] == []
    heard = (await bob.get(f"/api/rooms/{room}/messages/")).body["results"]
    assert [message["id"] for message in heard] == [last, own]
    for said in (early, away):
        for method, path in (
            ("PATCH", f"messages/{said}/"),
            ("PUT", f"messages/{said}/pin/"),
            ("PUT", f"messages/{said}/reactions/%F0%9F%91%8D/"),
        ):
            answer = await bob.request(method, f"/api/rooms/{room}/{path}", {"content": "mine"})
            assert answer.status in (403, 404), (method, path, answer.status)
            assert HIDDEN.encode() not in answer.raw
        answered = await bob.post(f"/api/rooms/{room}/messages/", {"content": "to that", "reply_to": said})
        assert answered.status in (400, 404), answered.raw
    async with aclosing(walk(server, ada, [room], [ada])) as found:
        assert await anext(found), "one who may read it finds it so"
