"""What owners and moderators decide over HTTP, and what the people concerned read of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.conftest import Visit
from tests.support.people import Answer, Person
from tests.support.visiting import ada, bob, eve

__all__ = ["ada", "bob", "eve"]

WHY = {"why": "spam"}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def room(ada: Person, bob: Person, eve: Person) -> str:
    """The path of a room that ada opened, and bob and eve joined."""
    path = f"/api/rooms/{await ada.open_room(ada.user['username'])}"
    for member in (bob, eve):
        assert (await member.post(f"{path}/join/", {})).status == 200
    return path


def at(room: str, person: Person, what: str) -> str:
    return f"{room}/members/{person.user['id']}/{what}/"


async def give(owner: Person, room: str, member: Person, role: str) -> Answer:
    return await owner.request("PUT", at(room, member, "role"), {"role": role, "why": "trusted"})


async def roles(reader: Person, room: str) -> dict[str, str]:
    """By the beginning of the name."""
    found = (await reader.get(f"{room}/members/")).body["results"]
    return {member["username"].partition("-")[0]: member["role"] for member in found}


def refused(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]


def minutes_until(until: str) -> float:
    return (datetime.fromisoformat(until) - datetime.now(UTC)) / timedelta(minutes=1)


async def newest(reader: Person, room: str) -> dict[str, Any]:
    event: dict[str, Any] = (await reader.get(f"{room}/events/")).body["events"][-1]
    return event


async def test_the_opener_is_the_owner_and_makes_a_moderator_who_removes_a_member(
    ada: Person, bob: Person, eve: Person, room: str
) -> None:
    assert await roles(eve, room) == {"ada": "owner", "bob": "member", "eve": "member"}
    given = await give(ada, room, bob, "moderator")
    assert given.status == 200
    assert (given.body["user"], given.body["member"]) == (ada.user, bob.user)
    assert (given.body["role"], given.body["why"]) == ("moderator", "trusted")
    assert await roles(eve, room) == {"ada": "owner", "bob": "moderator", "eve": "member"}

    removed = await bob.post(at(room, eve, "remove"), WHY)
    assert removed.status == 200
    assert (removed.body["user"], removed.body["removed_by"], removed.body["why"]) == (eve.user, bob.user, "spam")
    assert removed.body["room"]["member_count"] == 2
    assert (await newest(ada, room))["type"] == "user_left"
    assert (await newest(ada, room))["body"] == removed.body
    assert (await eve.get(f"{room}/")).status == 404
    assert (await eve.get("/api/feed/")).body["events"][-1]["body"] == removed.body
    assert (await eve.post(f"{room}/join/", {})).status == 200


async def test_members_moderate_nobody_and_nobody_a_person_with_a_higher_role(
    ada: Person, bob: Person, eve: Person, room: str
) -> None:
    assert refused(await bob.post(at(room, eve, "remove"), WHY)) == (403, "not_allowed")
    assert refused(await give(bob, room, bob, "owner")) == (403, "not_allowed")
    assert refused(await bob.post(f"{room}/rename/", {"name": "Mine"})) == (403, "not_allowed")
    assert refused(await bob.request("PUT", f"{room}/topic/", {"topic": "mine"})) == (403, "not_allowed")
    assert refused(await bob.post(f"{room}/archive/", {})) == (403, "not_allowed")
    await give(ada, room, bob, "moderator")
    for what, body in (("remove", WHY), ("mute", {"minutes": 1, **WHY}), ("ban", {"minutes": 1, **WHY})):
        assert refused(await bob.post(at(room, ada, what), body)) == (403, "higher_role")
        assert refused(await bob.post(at(room, bob, what), body)) == (409, "acts_on_self")
    assert (await bob.get(f"{room}/")).body["version"] == 5


async def test_what_has_no_reason_or_no_member_is_refused(ada: Person, bob: Person, person: Visit, room: str) -> None:
    stranger = await person("carl")
    assert (await ada.post(at(room, bob, "remove"), {"why": " "})).body == {"why": ["This field may not be blank."]}
    assert "minutes" in (await ada.post(at(room, bob, "ban"), {"minutes": 10**9, **WHY})).body
    assert "role" in (await ada.request("PUT", at(room, bob, "role"), {"role": "king", **WHY})).body
    assert refused(await ada.post(at(room, stranger, "remove"), WHY)) == (404, "no_such_member")
    assert refused(await ada.post(at(room, stranger, "mute"), {"minutes": 1, **WHY})) == (404, "no_such_member")
    assert refused(await give(ada, room, stranger, "owner")) == (404, "no_such_member")
    assert refused(await give(ada, room, bob, "member")) == (409, "same_role")
    assert (await stranger.post(at(room, bob, "remove"), WHY)).status == 404


async def test_the_last_owner_leaves_once_another_one_is_named(
    ada: Person, bob: Person, eve: Person, room: str
) -> None:
    assert refused(await ada.post(f"{room}/leave/", {})) == (409, "last_owner")
    assert refused(await give(ada, room, ada, "member")) == (409, "last_owner")
    assert (await give(ada, room, bob, "owner")).status == 200
    assert await roles(eve, room) == {"ada": "owner", "bob": "owner", "eve": "member"}
    assert (await ada.post(f"{room}/leave/", {})).status == 200
    assert await roles(eve, room) == {"bob": "owner", "eve": "member"}
    assert (await ada.post(f"{room}/join/", {})).status == 200
    assert (await roles(eve, room))["ada"] == "member"


async def test_who_is_alone_may_leave_and_whoever_comes_next_is_the_owner(ada: Person, bob: Person) -> None:
    room = f"/api/rooms/{await ada.open_room(ada.user['username'])}"
    assert (await ada.post(f"{room}/leave/", {})).status == 200
    assert (await bob.post(f"{room}/join/", {})).status == 200
    assert await roles(bob, room) == {"bob": "owner"}


async def test_a_banned_member_is_removed_and_joins_when_the_ban_is_lifted(
    ada: Person, bob: Person, eve: Person, room: str
) -> None:
    banned = await ada.post(at(room, bob, "ban"), {"minutes": 60, **WHY}, headers={"Idempotency-Key": "once"})
    assert banned.status == 200
    assert (banned.body["member"], banned.body["why"]) == (bob.user, "spam")
    assert 59 < minutes_until(banned.body["until"]) <= 60
    again = await ada.post(at(room, bob, "ban"), {"minutes": 60, **WHY}, headers={"Idempotency-Key": "once"})
    assert again.body == banned.body
    types = [event["type"] for event in (await eve.get(f"{room}/events/?after=4")).body["events"]]
    assert types == ["user_banned", "user_left"]
    assert [event["type"] for event in (await bob.get("/api/feed/")).body["events"]][-2:] == types
    assert refused(await bob.post(f"{room}/join/", {})) == (409, "banned")
    assert (await ada.request("DELETE", at(room, bob, "ban"), {"why": "sorry"})).status == 200
    assert refused(await ada.request("DELETE", at(room, bob, "ban"), {"why": "sorry"})) == (409, "not_banned")
    assert (await bob.post(f"{room}/join/", {})).status == 200


async def test_a_muted_member_reads_and_says_nothing_even_after_coming_back(
    ada: Person, bob: Person, room: str
) -> None:
    assert (await ada.post(at(room, bob, "mute"), {"minutes": 60, **WHY})).status == 200
    said = await bob.post(f"{room}/messages/", {"content": "hello"})
    assert refused(said) == (409, "muted")
    await bob.post(f"{room}/leave/", {})
    await bob.post(f"{room}/join/", {})
    assert refused(await bob.post(f"{room}/messages/", {"content": "hello"})) == (409, "muted")
    assert (await ada.request("DELETE", at(room, bob, "mute"), {"why": "sorry"})).status == 200
    assert refused(await ada.request("DELETE", at(room, bob, "mute"), {"why": "sorry"})) == (409, "not_muted")
    assert (await bob.post(f"{room}/messages/", {"content": "hello"})).status == 201


async def test_an_archived_room_is_read_and_nothing_is_said_in_it(
    ada: Person, bob: Person, person: Visit, room: str
) -> None:
    archived = await ada.post(f"{room}/archive/", {})
    assert (archived.status, archived.body["room"]["is_archived"]) == (200, True)
    assert refused(await ada.post(f"{room}/archive/", {})) == (409, "archived")
    assert refused(await bob.post(f"{room}/messages/", {"content": "hello"})) == (409, "archived")
    assert refused(await (await person("carl")).post(f"{room}/join/", {})) == (409, "archived")
    assert (await bob.get(f"{room}/")).body == archived.body["room"]
    reopened = await ada.post(f"{room}/reopen/", {})
    assert (reopened.status, "is_archived" in reopened.body["room"]) == (200, False)
    assert refused(await ada.post(f"{room}/reopen/", {})) == (409, "not_archived")
    assert (await bob.post(f"{room}/messages/", {"content": "hello"})).status == 201
    events = (await bob.get(f"{room}/events/?after=4")).body["events"]
    assert events[0]["body"] == archived.body, "it is told as it was then"


async def test_a_room_has_a_topic_until_it_is_taken_away(ada: Person, bob: Person, room: str) -> None:
    set_ = await ada.request("PUT", f"{room}/topic/", {"topic": " steam "})
    assert (set_.status, set_.body["room"]["topic"]) == (200, "steam")
    assert (await bob.get("/api/rooms/")).body["results"] == [set_.body["room"]]
    assert (await ada.request("PUT", f"{room}/topic/", {"topic": "two\nlines"})).status == 400
    cleared = await ada.request("PUT", f"{room}/topic/", {"topic": ""})
    assert "topic" not in cleared.body["room"]
    assert (await bob.get(f"{room}/")).body == cleared.body["room"]
    assert (await ada.request("PUT", f"{room}/topic/", {"topic": ""})).status == 400
    assert (await bob.get(f"{room}/events/?after=4")).body["events"][0]["body"] == set_.body
