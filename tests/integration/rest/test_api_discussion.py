"""What is done about messages, over HTTP: edit, retract, reply, react, pin."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.conftest import StartServer
from tests.support.people import Answer, Person

THUMB, HEART = quote("👍"), quote("❤️")


@pytest.fixture
async def room(ada: Person, bob: Person) -> str:
    """The path of a room of ada's and bob's, at version 3."""
    path = f"/api/rooms/{await ada.open_room('Engines')}"
    assert (await bob.post(f"{path}/join/", {})).status == 200
    return path


async def said(person: Person, room: str, content: str = "hello", **more: Any) -> dict[str, Any]:
    answer = await person.post(f"{room}/messages/", {"content": content, **more})
    assert answer.status == 201, answer.raw
    body: dict[str, Any] = answer.body
    return body


async def about(person: Person, method: str, path: str, body: Any = None) -> Answer:
    """A request that is not refused."""
    answer = await person.request(method, path, body)
    assert answer.status == 200, answer.raw
    return answer


async def newest(person: Person, room: str) -> dict[str, Any]:
    body: dict[str, Any] = (await person.get(f"{room}/messages/")).body["results"][0]
    return body


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]


async def test_an_edited_message_says_so_everywhere_and_keeps_its_versions(ada: Person, bob: Person, room: str) -> None:
    message = await said(ada, room)
    path = f"{room}/messages/{message['id']}"
    answer = await about(ada, "PATCH", f"{path}/", {"content": "hallo"})
    edited = answer.body["message"]
    assert answer.body == {
        "room": {"id": room.split("/")[-1], "version": 5},
        "user": ada.user,
        "message": message | {"content": "hallo", "edited_at": edited["edited_at"]},
    }
    assert await newest(bob, room) == edited
    last = (await bob.get(f"{room}/")).body["last_message"]
    assert (last["id"], last["content"]) == (message["id"], "hallo")
    event = (await bob.get(f"{room}/events/?after=4")).body["events"][0]
    assert (event["type"], event["body"]) == ("message_edited", answer.body)
    versions = (await bob.get(f"{path}/versions/")).body
    assert versions["message"] == edited
    assert [(each["version"], each["content"]) for each in versions["versions"]] == [(4, "hello"), (5, "hallo")]
    assert [each["at"] for each in versions["versions"]] == [message["created_at"], edited["edited_at"]]


async def test_an_event_tells_what_the_message_said_then_whenever_it_is_read(
    ada: Person, bob: Person, room: str
) -> None:
    message = await said(ada, room, "one")
    path = f"{room}/messages/{message['id']}"
    for content in ("two", "three"):
        await about(ada, "PATCH", f"{path}/", {"content": content})
    await about(bob, "PUT", f"{path}/reactions/{THUMB}/")
    await about(bob, "PUT", f"{path}/pin/")
    events = (await bob.get(f"{room}/events/?after=3")).body["events"]
    told = [event["body"].get("message", event["body"]) for event in events]
    assert [each.get("content") for each in told] == ["one", "two", "three", None, "three"]
    assert ["reactions" in each for each in told] == [False, False, False, True, True]
    assert told[0] == message
    feed = (await bob.get("/api/feed/?limit=100")).body["events"]
    assert feed[-5:] == events


async def test_a_retracted_message_is_hidden_from_all_but_stays_on_record_for_its_author(
    ada: Person, bob: Person, room: str
) -> None:
    message = await said(ada, room, "in confidence")
    path = f"{room}/messages/{message['id']}"
    await about(ada, "PATCH", f"{path}/", {"content": "in great confidence"})
    await about(bob, "PUT", f"{path}/pin/")
    answer = await about(ada, "POST", f"{path}/retract/", {"why": "by mistake"})
    hidden = answer.body["message"]
    assert (hidden["content"], hidden["retracted"]["by"], hidden["retracted"]["why"]) == ("", ada.user, "by mistake")
    assert "pinned" not in hidden
    assert await newest(bob, room) == hidden
    everything = [f"{room}/", f"{room}/events/?after=0", "/api/feed/?limit=100", f"{room}/messages/", "/api/rooms/"]
    for place in (*everything, f"{path}/versions/", f"{room}/pins/"):
        assert b"confidence" not in (await bob.get(place)).raw, place
    for place in everything:
        assert b"confidence" not in (await ada.get(place)).raw, place
    contents = [each["content"] for each in (await ada.get(f"{path}/versions/")).body["versions"]]
    assert contents == ["in confidence", "in great confidence"]
    assert (await bob.get(f"{room}/pins/")).body == {"results": []}


async def test_an_admin_may_read_what_was_retracted(ada: Person, room: str, admin: Person) -> None:
    message = await said(ada, room, "in confidence")
    path = f"{room}/messages/{message['id']}"
    await about(ada, "POST", f"{path}/retract/")
    assert (await admin.get(f"{path}/versions/")).status == 404  # not a member
    assert (await admin.post(f"{room}/join/", {})).status == 200
    found = (await admin.get(f"{path}/versions/")).body
    assert [each["content"] for each in found["versions"]] == ["in confidence"]
    assert found["message"]["retracted"]["why"] == ""


async def test_a_moderator_retracts_what_others_said_with_a_reason_and_may_read_it(
    ada: Person, bob: Person, room: str
) -> None:
    message = await said(bob, room, "an insult")
    path = f"{room}/messages/{message['id']}"
    refused = await ada.post(f"{path}/retract/", {})
    assert (refused.status, refused.body) == (400, {"why": ["Say why: the message is not yours."]})
    answer = await about(ada, "POST", f"{path}/retract/", {"why": "an insult is none of our words"})
    assert answer.body["message"]["retracted"]["by"] == ada.user
    for person in (ada, bob):
        found = (await person.get(f"{path}/versions/")).body["versions"]
        assert [each["content"] for each in found] == ["an insult"]


async def test_who_is_muted_retracts_but_does_not_edit_or_react(ada: Person, bob: Person, room: str) -> None:
    message = await said(bob, room)
    path = f"{room}/messages/{message['id']}"
    muted = await ada.post(f"{room}/members/{bob.user['id']}/mute/", {"why": "too loud", "minutes": 60})
    assert muted.status == 200, muted.raw
    assert code(await bob.request("PATCH", f"{path}/", {"content": "more"})) == (409, "muted")
    assert code(await bob.request("PUT", f"{path}/reactions/{THUMB}/")) == (409, "muted")
    assert code(await bob.post(f"{room}/messages/", {"content": "more", "reply_to": message["id"]})) == (409, "muted")
    await about(bob, "POST", f"{path}/retract/")


async def test_reactions_are_counted_in_the_order_in_which_they_came(ada: Person, bob: Person, room: str) -> None:
    message = await said(ada, room)
    path = f"{room}/messages/{message['id']}/reactions"
    await about(ada, "PUT", f"{path}/{HEART}/")
    await about(bob, "PUT", f"{path}/{THUMB}/")
    answer = await about(bob, "PUT", f"{path}/{quote('❤')}/")
    hearts = {"emoji": "❤️", "count": 2, "users": [ada.user, bob.user]}
    thumbs = {"emoji": "👍", "count": 1, "users": [bob.user]}
    assert answer.body["reactions"] == [hearts, thumbs]
    assert (answer.body["message_id"], answer.body["user"]) == (message["id"], bob.user)
    assert (await newest(ada, room))["reactions"] == [hearts, thumbs]
    await about(ada, "DELETE", f"{path}/{HEART}/")
    assert (await newest(ada, room))["reactions"] == [thumbs, hearts | {"count": 1, "users": [bob.user]}]
    await about(bob, "DELETE", f"{path}/{HEART}/")
    assert (await about(bob, "DELETE", f"{path}/{THUMB}/")).body["reactions"] == []
    assert await newest(ada, room) == message


async def test_pinned_messages_are_listed_the_last_pinned_first(ada: Person, bob: Person, room: str) -> None:
    one, other = await said(ada, room, "one"), await said(bob, room, "other")
    for message in (other, one):
        pinned = (await about(bob, "PUT", f"{room}/messages/{message['id']}/pin/")).body["message"]
        assert pinned["pinned"]["by"] == bob.user
    listed = (await ada.get(f"{room}/pins/")).body["results"]
    assert [message["content"] for message in listed] == ["one", "other"]
    await about(ada, "DELETE", f"{room}/messages/{one['id']}/pin/")
    assert [message["content"] for message in (await ada.get(f"{room}/pins/")).body["results"]] == ["other"]


async def test_a_reply_names_the_message_that_it_answers(ada: Person, bob: Person, room: str) -> None:
    message = await said(ada, room)
    reply = await said(bob, room, "indeed", reply_to=message["id"])
    assert reply["reply_to"] == message["id"]
    assert await newest(ada, room) == reply
    assert code(await bob.post(f"{room}/messages/", {"content": "what?", "reply_to": 3})) == (404, "no_such_message")


async def test_each_refusal_has_its_code(ada: Person, bob: Person, room: str) -> None:
    message = await said(ada, room)
    path = f"{room}/messages/{message['id']}"
    assert code(await bob.request("PATCH", f"{path}/", {"content": "mine"})) == (403, "not_your_message")
    assert code(await bob.post(f"{path}/retract/", {"why": "no"})) == (403, "not_your_message")
    assert code(await ada.request("DELETE", f"{path}/pin/")) == (409, "not_pinned")
    assert code(await ada.request("DELETE", f"{path}/reactions/{THUMB}/")) == (409, "no_such_reaction")
    await about(ada, "PUT", f"{path}/pin/")
    assert code(await bob.request("PUT", f"{path}/pin/")) == (409, "already_pinned")
    await about(ada, "PUT", f"{path}/reactions/{THUMB}/")
    assert code(await ada.request("PUT", f"{path}/reactions/{THUMB}/")) == (409, "already_reacted")
    assert (await ada.request("PUT", f"{path}/reactions/thumb/")).body == {"emoji": ["Use one emoji of Unicode's."]}
    same = await ada.request("PATCH", f"{path}/", {"content": "hello"})
    assert (same.status, same.body) == (400, {"content": ["The message says this already."]})
    await about(ada, "POST", f"{path}/retract/")
    assert code(await ada.request("PATCH", f"{path}/", {"content": "again"})) == (409, "message_retracted")
    assert code(await ada.request("PATCH", f"{room}/messages/3/", {"content": "x"})) == (404, "no_such_message")
    stranger = f"/api/rooms/{await bob.open_room('Elsewhere')}"
    theirs = await said(bob, stranger)
    assert (await ada.request("PUT", f"{stranger}/messages/{theirs['id']}/pin/")).status == 404
    assert (await ada.get(f"{stranger}/messages/{theirs['id']}/versions/")).status == 404


@pytest.mark.parametrize(("window", "status"), [("off", 409), ("1ns", 409), ("always", 200), ("1h", 200)])
async def test_the_installation_says_how_long_a_message_may_be_edited(
    start_server: StartServer, window: str, status: int
) -> None:
    server = await start_server(edit_window=window)
    async with Person(server.make_url("/")) as ada:
        await ada.sign_up("ada")
        room = f"/api/rooms/{await ada.open_room('Engines')}"
        message = await said(ada, room)
        answer = await ada.request("PATCH", f"{room}/messages/{message['id']}/", {"content": "edited"})
        assert answer.status == status
        assert status == 200 or answer.body["code"] == "edit_window_over"


async def test_the_same_key_edits_once(ada: Person, room: str) -> None:
    message = await said(ada, room)
    path, key = f"{room}/messages/{message['id']}/", {"Idempotency-Key": "one"}
    first = await ada.request("PATCH", path, {"content": "edited"}, headers=key)
    again = await ada.request("PATCH", path, {"content": "edited"}, headers=key)
    assert first.status == again.status == 200
    assert first.body == again.body
    other = await ada.request("PATCH", path, {"content": "something else"}, headers=key)
    assert (other.status, other.body["code"]) == (422, "key_reused")
