"""Idempotency-Key: sending it twice does it once."""

import asyncio
import string
from uuid import UUID

import asyncpg
import pytest

from domain.idempotency import idempotency_key
from domain.room.messages import PostMessage
from domain.values import ClientId, RoomId
from tests.integration.conftest import StartServer, Visit
from tests.support.people import Person


@pytest.fixture
async def room(ada: Person) -> str:
    return f"/api/rooms/{await ada.open_room('Engines')}"


def key(text: str) -> dict[str, str]:
    return {"Idempotency-Key": text}


async def test_a_repeated_post_answers_what_the_first_did(ada: Person, room: str) -> None:
    first = await ada.post(f"{room}/messages/", {"content": "once"}, headers=key("k"))
    await ada.post(f"{room}/messages/", {"content": "between"})
    again = await ada.post(f"{room}/messages/", {"content": "once"}, headers=key("k"))
    assert (again.status, again.raw, again.position) == (first.status, first.raw, first.position)
    assert (await ada.get(f"{room}/messages/")).body["count"] == 2


async def test_a_stored_fingerprint_cannot_be_guessed_from_the_words(ada: Person, room: str, database_url: str) -> None:
    """The table keeps it for a week, and backups for longer: a bare hash would confirm a guess of what was erased."""
    await ada.post(f"{room}/messages/", {"content": "a telephone number"}, headers=key("k"))
    room_id = RoomId(UUID(room.rpartition("/")[2]))
    guessed = idempotency_key(PostMessage(room_id, ada.user["id"], "a telephone number", client_id=ClientId("k")))
    assert guessed is not None
    connection = await asyncpg.connect(database_url)
    stored = await connection.fetchval("SELECT fingerprint FROM idempotency_keys WHERE key = 'k'")
    await connection.close()
    assert len(stored) >= len(guessed.fingerprint)
    assert guessed.fingerprint not in stored


async def test_every_kind_of_command_takes_a_key(ada: Person, bob: Person) -> None:
    async def twice(person: Person, path: str, body: object, name: str) -> str:
        first = await person.post(path, body, headers=key(name))
        again = await person.post(path, body, headers=key(name))
        assert (again.status, again.raw, again.position) == (first.status, first.raw, first.position)
        return str(first.body.get("id"))

    room = f"/api/rooms/{await twice(ada, '/api/rooms/', {'name': 'Engines'}, 'open')}"
    await twice(bob, f"{room}/join/", {}, "join")
    await twice(bob, f"{room}/messages/", {"content": "hello"}, "post")
    await twice(bob, f"{room}/leave/", {}, "leave")
    assert [event["type"] for event in (await ada.get(f"{room}/events/")).body["events"]] == [
        "room_opened",
        "user_joined",
        "user_joined",
        "message_added",
        "user_left",
    ]


async def test_a_key_holds_across_processes_and_restarts(
    start_server: StartServer, visit: Visit, ada: Person, room: str
) -> None:
    first = await ada.post(f"{room}/messages/", {"content": "once"}, headers=key("k"))
    elsewhere = await visit(at=await start_server())
    await elsewhere.log_in("ada")
    again = await elsewhere.post(f"{room}/messages/", {"content": "once"}, headers=key("k"))
    assert (again.status, again.raw) == (201, first.raw)


async def test_many_at_once_with_one_key_record_one_message(ada: Person, room: str) -> None:
    answers = await asyncio.gather(
        *(ada.post(f"{room}/messages/", {"content": "once"}, headers=key("k")) for _ in range(20))
    )
    assert {(answer.status, answer.raw) for answer in answers} == {(201, answers[0].raw)}
    assert (await ada.get(f"{room}/messages/")).body["count"] == 1


async def test_a_key_is_for_one_request_only(ada: Person, room: str) -> None:
    await ada.post(f"{room}/messages/", {"content": "once"}, headers=key("k"))
    for path, body in (
        (f"{room}/messages/", {"content": "other"}),
        (f"{room}/leave/", {}),
        ("/api/rooms/", {"name": "Bugs"}),
    ):
        answer = await ada.post(path, body, headers=key("k"))
        assert (answer.status, answer.body["code"]) == (422, "key_reused")
    assert (await ada.get(f"{room}/")).body["version"] == 3


async def test_keys_of_two_people_have_nothing_to_do_with_each_other(ada: Person, bob: Person, room: str) -> None:
    await bob.post(f"{room}/join/", {})
    first = await ada.post(f"{room}/messages/", {"content": "once"}, headers=key("k"))
    other = await bob.post(f"{room}/messages/", {"content": "once"}, headers=key("k"))
    assert (other.status, other.body["id"]) == (201, first.body["id"] + 1)


async def test_a_refused_command_leaves_its_key_free(ada: Person, bob: Person, room: str) -> None:
    refused = await bob.post(f"{room}/messages/", {"content": "hello"}, headers=key("k"))
    assert refused.status == 404
    await bob.post(f"{room}/join/", {})
    assert (await bob.post(f"{room}/messages/", {"content": "hello"}, headers=key("k"))).status == 201


async def test_a_key_is_1_to_200_printable_characters(ada: Person, room: str) -> None:
    for text in (string.printable[:94] + " ", "k" * 200, "é"):
        assert (await ada.post(f"{room}/messages/", {"content": text}, headers=key(text))).status == 201
    for text in ("", "k" * 201, "a\tb", "\u00ad"):
        answer = await ada.post(f"{room}/messages/", {"content": "hello"}, headers=key(text))
        assert (answer.status, list(answer.body)) == (400, ["detail"])
