"""Mentions over HTTP: whom a message names, and how many unread messages mention a user."""

from functools import partial
from typing import Any

import pytest

from tests.integration.conftest import Visit
from tests.support.people import Person


@pytest.fixture
async def room(ada: Person, bob: Person) -> str:
    """The path of a room of ada's and bob's, at version 3."""
    path = f"/api/rooms/{await ada.open_room('Engines')}"
    assert (await bob.post(f"{path}/join/", {})).status == 200
    return path


async def said(person: Person, room: str, content: str, **more: Any) -> dict[str, Any]:
    answer = await person.post(f"{room}/messages/", {"content": content, **more})
    assert answer.status == 201, answer.raw
    body: dict[str, Any] = answer.body
    return body


async def unread(person: Person) -> tuple[int, int]:
    (reading,) = (await person.get("/api/readings/")).body["readings"]
    return reading["unread"], reading["mentions"]


async def test_a_message_mentions_members_by_their_ids_and_stays_as_typed(
    ada: Person, bob: Person, visit: Visit, room: str
) -> None:
    await visit("eve")
    message = await said(ada, room, "@BOB, @eve, @nemo: hello")
    assert message["content"] == "@BOB, @eve, @nemo: hello"
    assert message["mentions"] == [bob.user]
    assert (await bob.get(f"{room}/messages/")).body["results"][0] == message
    (event,) = (await bob.get(f"{room}/events/?after=3")).body["events"]
    assert event["body"] == message
    assert "mentions" not in await said(ada, room, "@eve and @ada")


async def test_a_reply_mentions_too(ada: Person, bob: Person, room: str) -> None:
    first = await said(ada, room, "hello")
    assert (await said(bob, room, "@ada indeed", reply_to=first["id"]))["mentions"] == [ada.user]


async def test_owners_mention_the_whole_room(ada: Person, bob: Person, room: str) -> None:
    assert (await said(ada, room, "@room lunch"))["mentions"] == [{"id": 0, "username": "room"}]
    assert "mentions" not in await said(bob, room, "@room lunch")
    assert await unread(bob) == (1, 1)
    assert await unread(ada) == (1, 0)


async def test_unread_mentions_are_counted_apart_until_they_are_read(ada: Person, bob: Person, room: str) -> None:
    await said(ada, room, "hello")
    await said(ada, room, "@bob and @room")  # one message, one mention
    last = await said(ada, room, "@bob again")
    assert await unread(bob) == (3, 2)
    read = await bob.post(f"{room}/read/", {"version": last["id"] - 1})
    assert (read.body["unread"], read.body["mentions"]) == (1, 1)
    await bob.post(f"{room}/read/", {"version": last["id"]})
    assert await unread(bob) == (0, 0)


async def test_the_same_request_twice_mentions_once(ada: Person, bob: Person, room: str) -> None:
    path, content, key = f"{room}/messages/", {"content": "@bob hello"}, {"Idempotency-Key": "first"}
    first, second = [await ada.post(path, content, headers=key) for _ in range(2)]
    assert first.body == second.body
    assert await unread(bob) == (1, 1)


async def test_an_edit_mentions_those_whom_nothing_named_before(ada: Person, bob: Person, room: str) -> None:
    message = await said(ada, room, "hello")
    path, everyone = f"{room}/messages/{message['id']}/", {"id": 0, "username": "room"}
    edit = partial(ada.request, "PATCH")
    edited = await edit(path, {"content": "@bob hello"})
    assert edited.body["mentioned"] == edited.body["message"]["mentions"] == [bob.user]
    assert await unread(bob) == (1, 1)
    again = await edit(path, {"content": "@room hello"})
    assert again.body["mentioned"] == [everyone]
    assert again.body["message"]["mentions"] == [everyone, bob.user]  # who was told remains mentioned
    assert "mentioned" not in (await edit(path, {"content": "hello"})).body
    assert await unread(bob) == (1, 1)
    events = (await bob.get(f"{room}/events/?after={message['id'] - 1}")).body["events"]
    assert "mentions" not in events[0]["body"]
    assert events[1]["body"] == edited.body
    assert events[2]["body"] == again.body
