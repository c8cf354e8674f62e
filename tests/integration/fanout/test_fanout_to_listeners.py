"""From a POST to everybody who listens: the whole way, over real HTTP and WebSocket."""

import asyncio
from typing import Any

from tests.integration.conftest import Visit
from tests.support.listening import Listener, listening
from tests.support.people import Answer, Person


async def say(person: Person, room_id: str, content: str) -> Answer:
    return await person.post(f"/api/rooms/{room_id}/messages/", {"content": content})


def told(listener: Listener) -> list[tuple[str, int]]:
    return [(publication["type"], publication["version"]) for publication in listener.publications]


async def test_every_member_gets_every_event_once_with_the_bodies_that_answers_had(ada: Person, bob: Person) -> None:
    async with listening(ada) as to_ada, listening(bob) as to_bob:
        opened = await ada.post("/api/rooms/", {"name": "General"})
        room_id = opened.body["id"]
        joined = await bob.post(f"/api/rooms/{room_id}/join/", {})
        message = await say(ada, room_id, "grüße 👋")
        left = await bob.post(f"/api/rooms/{room_id}/leave/", {})
        last = await say(ada, room_id, "gone?")
        await to_ada.until(5)
        await to_bob.until_position(left.position)
    assert told(to_ada) == [
        ("user_joined", 2),
        ("user_joined", 3),
        ("message_added", 4),
        ("user_left", 5),
        ("message_added", 6),
    ]
    assert told(to_bob) == [("user_joined", 3), ("message_added", 4), ("user_left", 5)]
    bodies = [publication["body"] for publication in to_ada.publications]
    assert bodies == [{"room": opened.body, "user": ada.user}, joined.body, message.body, left.body, last.body]
    assert to_ada.positions == [opened.position, joined.position, message.position, left.position, last.position]


async def test_nothing_of_a_room_reaches_a_user_after_their_own_leaving(ada: Person, bob: Person) -> None:
    room_id = await ada.open_room("General")
    await bob.post(f"/api/rooms/{room_id}/join/", {})
    async with listening(ada) as to_ada, listening(bob) as to_bob:
        posts = [asyncio.create_task(say(ada, room_id, str(number))) for number in range(30)]
        left = await bob.post(f"/api/rooms/{room_id}/leave/", {})
        answers = await asyncio.gather(*posts)
        last = await say(ada, room_id, "the last")
        await to_ada.until_position(last.position)
        await to_bob.until_position(left.position)
    versions = [version for _, version in to_ada.keys if version > 3]  # 2 and 3 may have been told before they listened
    assert versions == list(range(4, 4 + len(answers) + 2))
    until_leaving = [version for version in versions if version <= left.body["room"]["version"]]
    assert [version for _, version in to_bob.keys if version > 3] == until_leaving


async def test_messages_of_many_rooms_arrive_in_the_order_of_the_log(visit: Visit) -> None:
    people = [await visit(f"person{number}") for number in range(6)]
    rooms = [await people[0].open_room(f"Room {number}") for number in range(5)]
    for person in people[1:]:
        for room_id in rooms:
            await person.post(f"/api/rooms/{room_id}/join/", {})
    async with listening(people[0]) as one, listening(people[5]) as other:

        async def chat(person: Person) -> list[Answer]:
            return [await say(person, rooms[number % 5], str(number)) for number in range(20)]

        answers = [answer for chatted in await asyncio.gather(*map(chat, people)) for answer in chatted]
        last = max(answer.position for answer in answers)
        for listener in (one, other):
            await listener.until_position(last)
            said = [told["position"] for told in listener.publications if told["type"] == "message_added"]
            assert said == sorted(answer.position for answer in answers)
            assert len(set(listener.keys)) == len(listener.keys)


async def test_who_comes_back_recovers_what_they_missed(ada: Person, bob: Person) -> None:
    room_id = await ada.open_room("General")
    await bob.post(f"/api/rooms/{room_id}/join/", {})
    async with listening(bob) as before:
        await before.until_position((await say(ada, room_id, "heard")).position)
    missed = [await say(ada, room_id, str(number)) for number in range(10)]
    async with listening(ada) as settled:  # her own channel has them when the fan-out is through
        await settled.until_position((await say(ada, room_id, "settled")).position)
    async with listening(bob, offset=before.offset, epoch=before.epoch) as after:
        assert after.subscribed.get("recovered") is True
        publications: list[dict[str, Any]] = await after.until(11)
    assert [told["position"] for told in publications[-11:-1]] == [answer.position for answer in missed]


async def test_logging_out_ends_the_connection(ada: Person) -> None:
    async with listening(ada) as listener:
        await ada.post("/api/logout/", {})
        assert await listener.close_code() == 4000
